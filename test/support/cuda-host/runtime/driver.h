/**
 * A CUDA driver without a device: what its parts share. Functions have the names and signatures of
 * `cuda.h`; `driver.cpp` has devices, contexts, memory and modules, `queue.cpp` what is queued.
 *
 * It is as strict as the driver's documentation allows a driver to be. A stream runs nothing before it
 * is asked, waited for or must be, so that what is not kept until then is missed; what a kernel does
 * wrong fails it and every call after it; handles are none of another kind, of another context or gone.
 */

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "block.h"
#include "library.h"
#include "shadow.h"

namespace driver {

/** `CUresult`. */
enum Result {
  success = 0,
  invalid_value = 1,
  out_of_memory = 2,
  not_initialized = 3,
  no_device = 100,
  invalid_device = 101,
  invalid_image = 200,
  invalid_context = 201,
  no_binary = 209,
  illegal_state = 401,
  invalid_handle = 400,
  not_found = 500,
  not_ready = 600,
  launch_failed = 719,
  not_supported = 801,
  unknown = 999
};

struct Device {
  /** `sm_90` is 90. */
  int architecture;
  size_t bytes;
  /** Most shared memory of a block. */
  size_t shared_bytes;
};

/** A device's primary context: there is no other. */
struct Context {
  Device* device;
  int retained = 0;
  size_t allocated = 0;
  /** What went wrong, once it did: it stays so, and what the failed kernel did. */
  Result failed = success;
  std::string problem;
};

struct Module {
  Context* context;
  braid::Library library;
  /** Held open: a library is known by the name of its file, which is this number. */
  int file;
};

struct Function {
  Context* context;
  Module* module;
  std::string name;
  braid::Entry entry;
  /** Bytes of each parameter, then a 0. */
  const unsigned char* sizes;
  unsigned most_threads;
  /** `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`. */
  unsigned most_shared_bytes = 48 << 10;
};

/** A launch with its own copy of the arguments. */
struct Call {
  Function* function;
  dim3 grid, block;
  unsigned shared_bytes;
  std::vector<std::vector<char>> arguments;
};

struct Stream {
  Context* context;
  std::deque<std::function<void()>> queue;
};

struct Event {
  Context* context;
  bool is_recorded = false;
  bool is_done = false;
  double seconds = 0;
};

/** Live objects of a kind. */
template <typename T> class Handles {
 public:
  T* add(std::unique_ptr<T> made) {
    T* const handle = made.get();
    all[handle] = std::move(made);
    return handle;
  }
  bool has(const T* handle) const { return all.count(const_cast<T*>(handle)) > 0; }
  void remove(T* handle) { all.erase(handle); }
  /** Removes those for which `is_gone` is true. */
  template <typename Test> void remove_if(Test is_gone) {
    std::erase_if(all, [&](const auto& each) { return is_gone(*each.second); });
  }

 private:
  std::map<T*, std::unique_ptr<T>> all;
};

extern Handles<Module> modules;
extern Handles<Function> functions;

/** Null, or the calling thread's context, for which nothing has failed. `result` says why null. */
Context* current(Result& result);

/** What a call on an object must hold first: it lives, in the context that is current. */
template <typename T> Result check(const Handles<T>& handles, const T* handle) {
  Result result = success;
  Context* const context = current(result);
  if (context == nullptr) return result;
  if (!handles.has(handle)) return invalid_handle;
  return handle->context == context ? success : invalid_context;
}

/** Copies memory of this process that may not be there; false if it is not. */
bool copy_host(void* to, const void* from, size_t bytes);

/** Whether a stream of the context has something to do. */
bool has_work(Context* context);
/** Does all that is queued in the context. */
void drain(Context* context);
/** Adds work to a stream; what it gives is the context's failure. */
void enqueue(Stream* stream, std::function<void()> work);
Result check_stream(Stream* stream);
/** Forgets streams, events and graphs of the context. */
void forget_queues(Context* context);
/** Counts a kernel that ran; false where the device is lost with it. */
bool survives();

}  // namespace driver
