/**
 * A CUDA driver without a device, for the tests of the runtime's backend: the functions of
 * `runtime/cuda/functions.ts` with the signatures of `cuda.h`, over the shim. A module's image is a
 * library of kernels that `compile.ts` built. Everything is done when a function returns.
 *
 * `BRAID_FAKE_CUDA` plays a machine: `no-device`, `too-old`, `broken`; `full` has 1 MiB.
 */

#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <elf.h>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "block.h"
#include "library.h"
#include "shadow.h"

namespace {

enum Result { success = 0, invalid_value = 1, out_of_memory = 2, no_device = 100, no_binary = 209,
              not_found = 500, launch_failed = 719, unknown = 999 };

struct Module {
  braid::Library library;
  /** Held open: a library is known by the name of its file, which is this number. */
  int file;
};

struct Function {
  const Module* module;
  std::string name;
  braid::Entry entry;
};

/** `CUDA_KERNEL_NODE_PARAMS` of CUDA 11. */
struct NodeParameters {
  Function* function;
  unsigned grid[3], block[3], shared_bytes;
  void** arguments;
  void** extra;
};

/** A node's own copy of its arguments. */
struct Node {
  Function* function;
  dim3 grid, block;
  unsigned shared_bytes;
  std::vector<std::vector<char>> arguments;
};

struct Graph {
  std::vector<std::unique_ptr<Node>> nodes;
};

/** A node's values are the executable graph's, not the graph's. */
struct Executable {
  std::vector<Node*> order;
  std::vector<Node> nodes;
};

size_t allocated;
std::string problem;

bool plays(const char* what) {
  const char* machine = getenv("BRAID_FAKE_CUDA");
  return machine != nullptr && strcmp(machine, what) == 0;
}

Result run(Function* function, dim3 grid, dim3 block, unsigned shared_bytes, void** arguments) {
  // What failed on a device stays failed.
  if (!problem.empty()) return launch_failed;
  braid::Launch launch{function->name, function->entry, arguments,           grid,
                       block,          shared_bytes,    braid::device_slices()};
  function->module->library.enter();
  problem = braid::run(launch);
  return problem.empty() ? success : launch_failed;
}

void tell(Node& node, const NodeParameters& told) {
  node.function = told.function;
  node.grid = {told.grid[0], told.grid[1], told.grid[2]};
  node.block = {told.block[0], told.block[1], told.block[2]};
  node.shared_bytes = told.shared_bytes;
  node.arguments.clear();
  const unsigned char* sizes = told.function->module->library.sizes(told.function->name);
  for (int i = 0; sizes[i] != 0; i++) {
    const char* value = static_cast<const char*>(told.arguments[i]);
    node.arguments.emplace_back(value, value + sizes[i]);
  }
}

Result run(Node& node) {
  std::vector<void*> arguments;
  for (auto& value : node.arguments) arguments.push_back(value.data());
  return run(node.function, node.grid, node.block, node.shared_bytes, arguments.data());
}

double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

}  // namespace

extern "C" {

Result cuInit(unsigned) {
  // Kernels look for the runtime's functions among those that everybody sees.
  Dl_info own;
  dladdr(reinterpret_cast<void*>(&cuInit), &own);
  dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  problem.clear();
  if (plays("broken")) return unknown;
  return plays("no-device") ? no_device : success;
}
Result cuDriverGetVersion(int* version) { return *version = 13000, success; }
Result cuGetErrorString(Result result, const char** text) {
  *text = result == launch_failed && !problem.empty() ? problem.c_str() : "an error of the fake driver";
  return success;
}
Result cuDeviceGetCount(int* count) { return *count = 1, success; }
Result cuDeviceGet(int* device, int index) { return *device = index, success; }
Result cuDeviceGetName(char* name, int bytes, int) {
  return strncpy(name, "Host Shim", size_t(bytes)), success;
}
Result cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 16: return *value = 1, success;
    case 75: return *value = plays("too-old") ? 7 : 9, success;
    case 76: return *value = plays("too-old") ? 5 : 0, success;
    case 97: return *value = int(braid::most_shared_bytes), success;
    default: return invalid_value;
  }
}
Result cuDeviceTotalMem_v2(size_t* bytes, int) {
  return *bytes = plays("full") ? 1 << 20 : 256 << 20, success;
}
Result cuDevicePrimaryCtxRetain(void** context, int) { return *context = &allocated, success; }
Result cuDevicePrimaryCtxRelease_v2(int) { return success; }
Result cuCtxSetCurrent(void* context) { return context == &allocated ? success : invalid_value; }

Result cuMemAlloc_v2(char** address, size_t bytes) {
  if (plays("full") && allocated + bytes > 1 << 20) return out_of_memory;
  *address = braid::device_allocate(bytes);
  if (*address == nullptr) return out_of_memory;
  allocated += bytes;
  return success;
}
Result cuMemFree_v2(char* address) {
  allocated -= braid::device_bytes_at(address);
  return braid::device_free(address) ? success : invalid_value;
}
Result cuMemcpyHtoDAsync_v2(char* to, const void* from, size_t bytes, void*) {
  if (bytes > braid::device_bytes_at(to)) return invalid_value;
  memcpy(to, from, bytes);
  braid::device_written(to, bytes);
  return success;
}
Result cuMemcpyDtoHAsync_v2(void* to, const char* from, size_t bytes, void*) {
  if (bytes > braid::device_bytes_at(from)) return invalid_value;
  return memcpy(to, from, bytes), success;
}
Result cuMemcpyDtoDAsync_v2(char* to, const char* from, size_t bytes, void*) {
  if (bytes > braid::device_bytes_at(to) || bytes > braid::device_bytes_at(from)) {
    return invalid_value;
  }
  memmove(to, from, bytes);
  braid::device_copied(to, from, bytes);
  return success;
}

Result cuModuleLoadData(Module** module, const void* image) {
  const auto* head = static_cast<const Elf64_Ehdr*>(image);
  if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_machine == 190) return no_binary;
  const size_t bytes = head->e_shoff + size_t(head->e_shentsize) * head->e_shnum;
  const int file = memfd_create("kernels", 0);
  if (write(file, image, bytes) != ssize_t(bytes)) return unknown;
  auto made = std::make_unique<Module>();
  made->file = file;
  std::string reason;
  const bool opened = made->library.open("/proc/self/fd/" + std::to_string(file), reason);
  if (!opened) return close(file), no_binary;
  *module = made.release();
  return success;
}
Result cuModuleUnload(Module* module) {
  module->library.close();
  close(module->file);
  delete module;
  return success;
}
Result cuModuleGetFunction(Function** function, Module* module, const char* name) {
  const braid::Entry entry = module->library.find(name);
  if (entry == nullptr) return not_found;
  *function = new Function{module, name, entry};
  return success;
}
Result cuFuncSetAttribute(Function*, int, int value) {
  return size_t(value) > braid::most_shared_bytes ? invalid_value : success;
}
Result cuLaunchKernel(Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                      unsigned by, unsigned bz, unsigned shared_bytes, void*, void** arguments,
                      void**) {
  return run(function, {gx, gy, gz}, {bx, by, bz}, shared_bytes, arguments);
}

Result cuStreamCreate(void** stream, unsigned) { return *stream = &problem, success; }
Result cuStreamQuery(void*) { return problem.empty() ? success : launch_failed; }
Result cuStreamSynchronize(void*) { return problem.empty() ? success : launch_failed; }
Result cuStreamDestroy_v2(void*) { return success; }

Result cuGraphCreate(Graph** graph, unsigned) { return *graph = new Graph, success; }
Result cuGraphAddKernelNode(Node** node, Graph* graph, Node* const*, size_t,
                            const NodeParameters* parameters) {
  graph->nodes.push_back(std::make_unique<Node>());
  *node = graph->nodes.back().get();
  return tell(**node, *parameters), success;
}
Result cuGraphInstantiateWithFlags(Executable** executable, Graph* graph, uint64_t) {
  *executable = new Executable;
  for (const auto& node : graph->nodes) {
    (*executable)->order.push_back(node.get());
    (*executable)->nodes.push_back(*node);
  }
  return success;
}
Result cuGraphExecKernelNodeSetParams(Executable* executable, Node* node,
                                      const NodeParameters* parameters) {
  for (size_t i = 0; i < executable->order.size(); i++) {
    if (executable->order[i] == node) return tell(executable->nodes[i], *parameters), success;
  }
  return invalid_value;
}
Result cuGraphLaunch(Executable* executable, void*) {
  for (Node& node : executable->nodes) {
    const Result result = run(node);
    if (result != success) return result;
  }
  return success;
}
Result cuGraphExecDestroy(Executable* executable) { return delete executable, success; }
Result cuGraphDestroy(Graph* graph) { return delete graph, success; }

Result cuEventCreate(double** event, unsigned) { return *event = new double, success; }
Result cuEventRecord(double* event, void*) { return *event = seconds(), success; }
Result cuEventSynchronize(double*) { return success; }
Result cuEventElapsedTime(float* milliseconds, const double* start, const double* end) {
  return *milliseconds = float((*end - *start) * 1e3), success;
}
Result cuEventDestroy_v2(double* event) { return delete event, success; }
}
