/**
 * Devices, contexts, memory and modules of the driver without a device. A module's image is a library
 * of kernels that `bin/nvcc` built.
 *
 * `BRAID_HOST_CUDA` says what the machine has, in words with spaces between: `devices=sm_75,sm_90` (one
 * of sm_90 if absent), `memory=1` (MiB of each; 256), `init=999` (what `cuInit` gives), `lost=40` (the
 * device falls off the bus with its 40th kernel).
 */

#include "driver.h"

#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

namespace driver {

Handles<Module> modules;
Handles<Function> functions;

namespace {

/** A device is its number and this, so that nobody takes one for the other. */
constexpr int first_device = 100;

std::vector<std::unique_ptr<Device>> devices;
std::vector<std::unique_ptr<Context>> contexts;
bool is_initialized;
long kernels_left;
/** Who allocated. */
std::map<char*, Context*> owners;
thread_local Context* own_context;

/** The value of a word of `BRAID_HOST_CUDA`. */
std::string setting(const std::string& name, const std::string& otherwise) {
  const char* const text = getenv("BRAID_HOST_CUDA");
  const std::string all = " " + std::string(text == nullptr ? "" : text) + " ";
  const size_t at = all.find(" " + name + "=");
  if (at == std::string::npos) return otherwise;
  const size_t begin = at + name.size() + 2;
  return all.substr(begin, all.find(' ', begin) - begin);
}

/** Most shared memory of a block (CUDA C++ programming guide, "Compute Capabilities"). */
size_t shared_bytes_of(int architecture) {
  switch (architecture) {
    case 75: return 64 << 10;
    case 80:
    case 87: return 163 << 10;
    case 90:
    case 100:
    case 103:
    case 110: return 227 << 10;
    default: return 99 << 10;
  }
}

bool is_live(const Context* context) {
  return std::any_of(contexts.begin(), contexts.end(), [&](const auto& each) {
    return each.get() == context && each->retained > 0;
  });
}

Device* device_at(int handle) {
  const size_t index = size_t(handle - first_device);
  return is_initialized && index < devices.size() ? devices[index].get() : nullptr;
}

bool owns(Context* context, const char* begin, size_t bytes) {
  auto after = owners.upper_bound(const_cast<char*>(begin));
  if (after == owners.begin() || (--after)->second != context) return false;
  return bytes <= braid::device_bytes_at(begin);
}

void release(Context* context, char* begin) {
  context->allocated -= braid::device_bytes_at(begin);
  owners.erase(begin);
  braid::device_free(begin);
}

void unload(Module& module) {
  functions.remove_if([&](const Function& each) { return each.module == &module; });
  module.library.close();
  close(module.file);
}

/** Everything of a context that nobody has any more. */
void destroy(Context* context) {
  forget_queues(context);
  modules.remove_if([&](Module& module) {
    if (module.context != context) return false;
    unload(module);
    return true;
  });
  for (auto each = owners.begin(); each != owners.end();) {
    const auto [begin, owner] = *each++;
    if (owner == context) release(context, begin);
  }
  context->failed = success;
}

/** Whether a device runs what was compiled for `architecture` ("Binary Compatibility"). */
bool runs(const Device& device, int architecture) {
  return device.architecture / 10 == architecture / 10 && architecture <= device.architecture;
}

const std::map<int, const char*> texts = {
    {success, "no error"},
    {invalid_value, "invalid argument"},
    {out_of_memory, "out of memory"},
    {not_initialized, "initialization error"},
    {no_device, "no CUDA-capable device is detected"},
    {invalid_device, "invalid device ordinal"},
    {invalid_image, "device kernel image is invalid"},
    {invalid_context, "invalid device context"},
    {no_binary, "no kernel image is available for execution on the device"},
    {invalid_handle, "invalid resource handle"},
    {illegal_state, "the operation cannot be performed in the present state"},
    {not_found, "named symbol not found"},
    {not_ready, "device not ready"},
    {launch_failed, "unspecified launch failure"},
    {not_supported, "operation not supported"},
    {unknown, "unknown error"},
};

}  // namespace

bool copy_host(void* to, const void* from, size_t bytes) {
  // Unlike this process, the kernel survives an address that is not there.
  static const int between = memfd_create("between", 0);
  return pwrite(between, from, bytes, 0) == ssize_t(bytes) &&
         pread(between, to, bytes, 0) == ssize_t(bytes);
}

Context* current(Result& result) {
  if (!is_initialized) return result = not_initialized, nullptr;
  if (!is_live(own_context)) return result = invalid_context, nullptr;
  if (own_context->failed != success) return result = own_context->failed, nullptr;
  return own_context;
}

bool survives() { return --kernels_left != 0; }

}  // namespace driver

using namespace driver;

extern "C" {

Result cuInit(unsigned flags) {
  if (flags != 0) return invalid_value;
  // Kernels look for the runtime's functions among those that everybody sees.
  Dl_info own;
  dladdr(reinterpret_cast<void*>(&cuInit), &own);
  dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  const Result result = Result(std::stoi(setting("init", "0")));
  if (result != success) return result;
  const bool is_free = std::all_of(contexts.begin(), contexts.end(),
                                   [](const auto& each) { return each->retained == 0; });
  // A machine stays as it is while somebody uses it; tests change it in between.
  if (is_free) {
    devices.clear();
    contexts.clear();
    const std::string list = setting("devices", "sm_90");
    for (size_t at = 0; (at = list.find("sm_", at)) != std::string::npos; at += 3) {
      const int architecture = std::stoi(list.substr(at + 3));
      const size_t bytes = size_t(std::stoi(setting("memory", "256"))) << 20;
      devices.push_back(
          std::make_unique<Device>(Device{architecture, bytes, shared_bytes_of(architecture)}));
      contexts.push_back(std::make_unique<Context>(Context{.device = devices.back().get()}));
    }
    kernels_left = std::stol(setting("lost", "0"));
  }
  is_initialized = true;
  return devices.empty() ? no_device : success;
}
Result cuDriverGetVersion(int* version) { return *version = 13000, success; }
Result cuGetErrorString(Result result, const char** text) {
  const auto known = texts.find(result);
  if (known == texts.end()) return *text = nullptr, invalid_value;
  *text = known->second;
  // What the shim reports is more than a device would say.
  if (result == launch_failed && is_live(own_context) && !own_context->problem.empty()) {
    *text = own_context->problem.c_str();
  }
  return success;
}

Result cuDeviceGetCount(int* count) {
  if (!is_initialized) return not_initialized;
  return *count = int(devices.size()), success;
}
Result cuDeviceGet(int* device, int index) {
  if (device_at(first_device + index) == nullptr) return invalid_device;
  return *device = first_device + index, success;
}
Result cuDeviceGetName(char* name, int bytes, int device) {
  if (device_at(device) == nullptr) return invalid_device;
  return strncpy(name, "Host Shim", size_t(bytes)), success;
}
Result cuDeviceGetAttribute(int* value, int attribute, int handle) {
  const Device* const device = device_at(handle);
  if (device == nullptr) return invalid_device;
  switch (attribute) {
    case 16: return *value = 1, success;
    case 75: return *value = device->architecture / 10, success;
    case 76: return *value = device->architecture % 10, success;
    case 97: return *value = int(device->shared_bytes), success;
    default: return invalid_value;
  }
}
Result cuDeviceTotalMem_v2(size_t* bytes, int handle) {
  const Device* const device = device_at(handle);
  if (device == nullptr) return invalid_device;
  return *bytes = device->bytes, success;
}

Result cuDevicePrimaryCtxRetain(Context** context, int device) {
  if (device_at(device) == nullptr) return invalid_device;
  *context = contexts[size_t(device - first_device)].get();
  (*context)->retained++;
  return success;
}
Result cuDevicePrimaryCtxRelease_v2(int device) {
  if (device_at(device) == nullptr) return invalid_device;
  Context* const context = contexts[size_t(device - first_device)].get();
  if (context->retained == 0) return invalid_context;
  if (--context->retained == 0) destroy(context);
  return success;
}
Result cuCtxSetCurrent(Context* context) {
  if (!is_live(context) && context != nullptr) return invalid_context;
  return own_context = context, success;
}

Result cuMemAlloc_v2(char** address, size_t bytes) {
  Result result = success;
  Context* const context = current(result);
  if (context == nullptr) return result;
  if (bytes == 0) return invalid_value;
  if (context->allocated + bytes > context->device->bytes) return out_of_memory;
  char* const begin = braid::device_allocate(bytes);
  if (begin == nullptr) return out_of_memory;
  context->allocated += bytes;
  owners[begin] = context;
  return *address = begin, success;
}
Result cuMemFree_v2(char* address) {
  Result result = success;
  Context* const context = current(result);
  if (context == nullptr) return result;
  const auto owner = owners.find(address);
  if (owner == owners.end()) return invalid_value;
  if (owner->second != context) return invalid_context;
  drain(context);
  release(context, address);
  return context->failed;
}

// Memory of this process is pageable: a copy may be read from it after it returns ("might be synchronous
// with respect to host"), so it is read as late as can be; it is written before.
Result cuMemcpyHtoDAsync_v2(char* to, const void* from, size_t bytes, Stream* stream) {
  const Result result = check_stream(stream);
  if (result != success) return result;
  char first;
  if (!owns(stream->context, to, bytes) || !copy_host(&first, from, 1)) return invalid_value;
  enqueue(stream, [to, from, bytes, context = stream->context] {
    if (!copy_host(to, from, bytes)) {
      context->failed = launch_failed;
      context->problem = "a queued copy reads memory of this process that is gone";
      return;
    }
    braid::device_written(to, bytes);
  });
  return success;
}
Result cuMemcpyDtoHAsync_v2(void* to, const char* from, size_t bytes, Stream* stream) {
  const Result result = check_stream(stream);
  if (result != success) return result;
  if (!owns(stream->context, from, bytes)) return invalid_value;
  drain(stream->context);
  if (stream->context->failed != success) return stream->context->failed;
  return copy_host(to, from, bytes) ? success : invalid_value;
}
Result cuMemcpyDtoDAsync_v2(char* to, const char* from, size_t bytes, Stream* stream) {
  const Result result = check_stream(stream);
  if (result != success) return result;
  const bool overlaps = to < from + bytes && from < to + bytes;
  const bool is_known = owns(stream->context, to, bytes) && owns(stream->context, from, bytes);
  if (overlaps || !is_known) return invalid_value;
  enqueue(stream, [to, from, bytes] {
    memcpy(to, from, bytes);
    braid::device_copied(to, from, bytes);
  });
  return success;
}

Result cuModuleLoadData(Module** module, const void* image) {
  Result result = success;
  Context* const context = current(result);
  if (context == nullptr) return result;
  Elf64_Ehdr head;
  if (!copy_host(&head, image, sizeof head)) return invalid_value;
  if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) return invalid_image;
  // A device's code.
  if (head.e_machine != EM_X86_64 && head.e_machine != EM_AARCH64) return no_binary;
  std::vector<char> bytes(head.e_shoff + size_t(head.e_shentsize) * head.e_shnum);
  if (!copy_host(bytes.data(), image, bytes.size())) return invalid_image;
  auto made = std::make_unique<Module>(Module{context, {}, memfd_create("kernels", 0)});
  const bool is_whole = write(made->file, bytes.data(), bytes.size()) == ssize_t(bytes.size());
  std::string reason;
  if (!is_whole || !made->library.open("/proc/self/fd/" + std::to_string(made->file), reason)) {
    return close(made->file), invalid_image;
  }
  if (!runs(*context->device, made->library.architecture())) {
    unload(*made);
    return no_binary;
  }
  return *module = modules.add(std::move(made)), success;
}
Result cuModuleUnload(Module* module) {
  const Result result = check(modules, module);
  if (result != success) return result;
  // A device would go on with code that is gone.
  if (has_work(module->context)) return illegal_state;
  unload(*module);
  return modules.remove(module), success;
}
Result cuModuleGetFunction(Function** function, Module* module, const char* name) {
  const Result result = check(modules, module);
  if (result != success) return result;
  const braid::Entry entry = module->library.find(name);
  if (entry == nullptr) return not_found;
  *function = functions.add(std::make_unique<Function>(
      Function{module->context, module, name, entry, module->library.sizes(name),
               module->library.most_threads(name)}));
  return success;
}
Result cuFuncSetAttribute(Function* function, int attribute, int value) {
  const Result result = check(functions, function);
  if (result != success) return result;
  if (attribute != 8) return not_supported;
  const size_t most = function->context->device->shared_bytes;
  if (value < 0 || size_t(value) > most) return invalid_value;
  return function->most_shared_bytes = unsigned(value), success;
}
}
