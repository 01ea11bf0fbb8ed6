/** `call.h` of an extension: what all its functions share. */

/** The text of the header. */
export const callHeader: string = `// What each call needs: its device and stream, checked tensors, memory, launches.

#pragma once

#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <tuple>

namespace braid {

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** The extent of \`tensor\` along one of its \`rank\` axes. */
inline int64_t extent(const at::Tensor& tensor, const char* name, int64_t axis, int64_t rank) {
  TORCH_CHECK(tensor.dim() == rank, name, " has ", tensor.dim(), " axes, not ", rank);
  return tensor.size(axis);
}

/** One call of a function, on the device of its first tensor and PyTorch's stream there. */
struct Call {
  const char* function;
  const at::Device device;
  const at::ScalarType type;
  const c10::cuda::CUDAGuard guard;
  const cudaStream_t stream;

  Call(const char* function, const at::Tensor& first)
      : function(function),
        device(first.device()),
        type(first.scalar_type()),
        guard(first.device()),
        stream(c10::cuda::getCurrentCUDAStream(first.device().index()).stream()) {}

  /** Refuses a list of another length. */
  void count(at::TensorList weights, size_t wanted) const {
    TORCH_CHECK(weights.size() == wanted, function, ": there are ", weights.size(), " weights, not ", wanted);
  }

  /** Refuses a tensor that is elsewhere or of another shape. */
  void check(const at::Tensor& tensor, const char* name, at::IntArrayRef shape) const {
    TORCH_CHECK(tensor.device() == device, function, ": ", name, " is on ", tensor.device(), ", not ", device);
    TORCH_CHECK(tensor.sizes() == shape, function, ": ", name, " is ", tensor.sizes(), ", not ", shape);
  }

  /** The tensor as kernels read it: row-major, of their type, at a multiple of 16 bytes. */
  at::Tensor argument(const at::Tensor& tensor, const char* name, at::ScalarType wanted,
                      at::IntArrayRef shape) const {
    check(tensor, name, shape);
    TORCH_CHECK(tensor.is_floating_point() == c10::isFloatingType(wanted), function, ": ", name,
                " holds ", tensor.scalar_type(), ", not ", wanted);
    const at::Tensor ready = tensor.to(wanted).contiguous();
    return reinterpret_cast<uintptr_t>(ready.data_ptr()) % 16 == 0 ? ready : ready.clone();
  }

  /** Memory for \`shape\`; kernels may write whole groups of four elements. */
  at::Tensor make(at::ScalarType element, at::IntArrayRef shape) const {
    const int64_t count = c10::multiply_integers(shape);
    const auto options = at::TensorOptions().dtype(element).device(device);
    return at::empty({std::max<int64_t>(4, ceil_div(count, 4) * 4)}, options)
        .narrow(0, 0, count)
        .view(shape);
  }

  /** A result in the type of the first tensor. */
  at::Tensor result(const at::Tensor& made) const {
    return made.is_floating_point() && c10::isFloatingType(type) ? made.to(type) : made;
  }
};

/** Numbers that the compiler computed, once on each device that asks for them. */
class Constant {
 public:
  Constant(const float* data, int64_t count)
      : host_(at::from_blob(const_cast<float*>(data), {count}, at::kFloat)) {}
  Constant(const int* data, int64_t count)
      : host_(at::from_blob(const_cast<int*>(data), {count}, at::kInt)) {}

  at::Tensor on(at::Device device) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto& copy = copies_[device.index()];
    if (!copy.defined()) copy = host_.to(device);
    return copy;
  }

 private:
  const at::Tensor host_;
  std::map<c10::DeviceIndex, at::Tensor> copies_;
  std::mutex mutex_;
};

template <class T> struct same { using type = T; };

/** Queues a kernel; none where there is nothing to do. */
template <class... Parameters>
void launch(void (*kernel)(Parameters...), int64_t groups, int threads, int shared_bytes,
            cudaStream_t stream, typename same<Parameters>::type... arguments) {
  if (groups == 0) return;
  const void* function = reinterpret_cast<const void*>(kernel);
  if (shared_bytes > 0)
    C10_CUDA_CHECK(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  void* pointers[] = {&arguments...};
  C10_CUDA_CHECK(cudaLaunchKernel(function, dim3(groups), dim3(threads), pointers, shared_bytes, stream));
}

}  // namespace braid
`;
