/** Streams, launches, graphs and events of the driver without a device. */

#include <cstring>
#include <ctime>

#include "driver.h"
#include "traps.h"

namespace driver {
namespace {

/** `CUDA_KERNEL_NODE_PARAMS` of CUDA 11. */
struct NodeParameters {
  Function* function;
  unsigned grid[3], block[3], shared_bytes;
  void** arguments;
  void** extra;
};

struct Graph;

struct Node {
  Context* context;
  Graph* graph;
  Call call;
  std::vector<Node*> after;
};

struct Graph {
  Context* context;
  std::vector<Node*> nodes;
};

/** A node's values are the executable graph's, not the graph's. */
struct Executable {
  Context* context;
  Graph* graph;
  std::vector<Node*> order;
  std::vector<Call> calls;
};

Handles<Stream> streams;
Handles<Event> events;
Handles<Node> nodes;
Handles<Graph> graphs;
Handles<Executable> executables;
std::set<Stream*> all_streams;

/** Steps that one question to a stream lets it do, so that those who ask must ask again. */
constexpr int steps_a_query = 16;

double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

void step(Stream* stream) {
  const auto work = std::move(stream->queue.front());
  stream->queue.pop_front();
  // What failed stays failed.
  if (stream->context->failed == success) work();
}

/** What a kernel may access: from where an argument points to the end of that memory. */
std::vector<braid::Slice> slices_of(const Call& call) {
  std::vector<braid::Slice> slices;
  for (size_t i = 0; i < call.arguments.size(); i++) {
    if (call.arguments[i].size() != sizeof(char*)) continue;
    char* begin;
    memcpy(&begin, call.arguments[i].data(), sizeof begin);
    const size_t bytes = braid::device_bytes_at(begin);
    if (bytes == 0) continue;
    slices.push_back({uintptr_t(begin), bytes, true, "argument " + std::to_string(i)});
  }
  return slices;
}

void run(const Call& call) {
  Context* const context = call.function->context;
  if (context->failed != success) return;
  std::vector<void*> arguments;
  for (const auto& value : call.arguments) arguments.push_back(const_cast<char*>(value.data()));
  const braid::Launch launch{call.function->name, call.function->entry, arguments.data(), call.grid,
                             call.block, call.shared_bytes, slices_of(call)};
  call.function->module->library.enter();
  {
    const braid::Traps traps;
    context->problem = braid::run(launch);
  }
  if (!context->problem.empty()) context->failed = launch_failed;
  if (!survives()) context->failed = unknown;
}

/** Checks a launch as the driver does, and copies its arguments. */
Result take(Call& call, Function* function, dim3 grid, dim3 block, unsigned shared_bytes,
            void** arguments, void** extra) {
  const Result result = check(functions, function);
  if (result != success) return result;
  if (extra != nullptr) return not_supported;
  const bool has_grid = grid.x > 0 && grid.x <= 0x7fffffffu && grid.y > 0 && grid.y <= 65535 &&
                        grid.z > 0 && grid.z <= 65535;
  const uint64_t threads = uint64_t(block.x) * block.y * block.z;
  const unsigned most = function->most_threads == 0 ? 1024 : function->most_threads;
  if (!has_grid || threads == 0 || threads > most) return invalid_value;
  if (shared_bytes > function->most_shared_bytes) return invalid_value;
  call = {function, grid, block, shared_bytes, {}};
  for (int i = 0; function->sizes[i] != 0; i++) {
    void* place = nullptr;
    std::vector<char> value(function->sizes[i]);
    const bool is_there = copy_host(&place, arguments + i, sizeof place) &&
                          copy_host(value.data(), place, value.size());
    if (!is_there) return invalid_value;
    call.arguments.push_back(std::move(value));
  }
  return success;
}

Result take(Call& call, const NodeParameters& told) {
  const auto [x, y, z] = told.grid;
  const auto [u, v, w] = told.block;
  return take(call, told.function, {x, y, z}, {u, v, w}, told.shared_bytes, told.arguments,
              told.extra);
}

}  // namespace

void enqueue(Stream* stream, std::function<void()> work) {
  stream->queue.push_back(std::move(work));
}

Result check_stream(Stream* stream) { return check(streams, stream); }

bool has_work(Context* context) {
  for (Stream* stream : all_streams) {
    if (stream->context == context && !stream->queue.empty()) return true;
  }
  return false;
}

void drain(Context* context) {
  for (Stream* stream : all_streams) {
    while (stream->context == context && !stream->queue.empty()) step(stream);
  }
}

void forget_queues(Context* context) {
  const auto is_own = [&](const auto& each) { return each.context == context; };
  std::erase_if(all_streams, [&](Stream* each) { return each->context == context; });
  streams.remove_if(is_own);
  events.remove_if(is_own);
  executables.remove_if(is_own);
  nodes.remove_if(is_own);
  graphs.remove_if(is_own);
}

}  // namespace driver

using namespace driver;

extern "C" {

Result cuStreamCreate(Stream** stream, unsigned flags) {
  Result result = success;
  Context* const context = current(result);
  if (context == nullptr) return result;
  if (flags > 1) return invalid_value;
  *stream = streams.add(std::make_unique<Stream>(Stream{context, {}}));
  all_streams.insert(*stream);
  return success;
}
Result cuStreamQuery(Stream* stream) {
  const Result result = check(streams, stream);
  if (result != success) return result;
  const bool had_work = !stream->queue.empty();
  for (int i = 0; i < steps_a_query && !stream->queue.empty(); i++) step(stream);
  if (stream->context->failed != success) return stream->context->failed;
  return had_work ? not_ready : success;
}
Result cuStreamSynchronize(Stream* stream) {
  const Result result = check(streams, stream);
  if (result != success) return result;
  while (!stream->queue.empty()) step(stream);
  return stream->context->failed;
}
Result cuStreamDestroy_v2(Stream* stream) {
  const Result result = check(streams, stream);
  if (result != success) return result;
  Context* const context = stream->context;
  while (!stream->queue.empty()) step(stream);
  all_streams.erase(stream);
  streams.remove(stream);
  return context->failed;
}

Result cuLaunchKernel(Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                      unsigned by, unsigned bz, unsigned shared_bytes, Stream* stream,
                      void** arguments, void** extra) {
  const Result result = check(streams, stream);
  if (result != success) return result;
  Call call;
  const Result taken =
      take(call, function, {gx, gy, gz}, {bx, by, bz}, shared_bytes, arguments, extra);
  if (taken != success) return taken;
  enqueue(stream, [call = std::move(call)] { run(call); });
  return success;
}

Result cuGraphCreate(Graph** graph, unsigned flags) {
  Result result = success;
  Context* const context = current(result);
  if (context == nullptr) return result;
  if (flags != 0) return invalid_value;
  return *graph = graphs.add(std::make_unique<Graph>(Graph{context, {}})), success;
}
Result cuGraphAddKernelNode(Node** node, Graph* graph, Node* const* after, size_t count,
                            const NodeParameters* parameters) {
  const Result result = check(graphs, graph);
  if (result != success) return result;
  auto made = std::make_unique<Node>(Node{graph->context, graph, {}, {}});
  for (size_t i = 0; i < count; i++) {
    if (!nodes.has(after[i]) || after[i]->graph != graph) return invalid_value;
    made->after.push_back(after[i]);
  }
  const Result taken = take(made->call, *parameters);
  if (taken != success) return taken;
  *node = nodes.add(std::move(made));
  graph->nodes.push_back(*node);
  return success;
}
Result cuGraphInstantiateWithFlags(Executable** executable, Graph* graph, uint64_t flags) {
  const Result result = check(graphs, graph);
  if (result != success) return result;
  if (flags != 0) return not_supported;
  auto made = std::make_unique<Executable>(Executable{graph->context, graph, {}, {}});
  // Of the nodes that may run, the last one: what no dependency says is not to be relied on.
  std::set<Node*> done;
  while (made->order.size() < graph->nodes.size()) {
    for (size_t i = graph->nodes.size(); i-- > 0;) {
      Node* const node = graph->nodes[i];
      bool may_run = done.count(node) == 0;
      for (Node* before : node->after) may_run = may_run && done.count(before) > 0;
      if (!may_run) continue;
      done.insert(node);
      made->order.push_back(node);
      made->calls.push_back(node->call);
      break;
    }
  }
  return *executable = executables.add(std::move(made)), success;
}
Result cuGraphExecKernelNodeSetParams(Executable* executable, Node* node,
                                      const NodeParameters* parameters) {
  const Result result = check(executables, executable);
  if (result != success) return result;
  if (!nodes.has(node)) return invalid_value;
  for (size_t i = 0; i < executable->order.size(); i++) {
    if (executable->order[i] != node) continue;
    Call call;
    const Result taken = take(call, *parameters);
    if (taken != success) return taken;
    return executable->calls[i] = std::move(call), success;
  }
  return invalid_value;
}
Result cuGraphLaunch(Executable* executable, Stream* stream) {
  Result result = check(executables, executable);
  if (result == success) result = check(streams, stream);
  if (result != success) return result;
  // What is told to the graph from here on is for later launches.
  enqueue(stream, [calls = executable->calls] {
    for (const Call& call : calls) run(call);
  });
  return success;
}
Result cuGraphExecDestroy(Executable* executable) {
  const Result result = check(executables, executable);
  if (result != success) return result;
  return executables.remove(executable), success;
}
Result cuGraphDestroy(Graph* graph) {
  const Result result = check(graphs, graph);
  if (result != success) return result;
  nodes.remove_if([&](const Node& each) { return each.graph == graph; });
  return graphs.remove(graph), success;
}

Result cuEventCreate(Event** event, unsigned flags) {
  Result result = success;
  Context* const context = current(result);
  if (context == nullptr) return result;
  if (flags != 0) return not_supported;
  return *event = events.add(std::make_unique<Event>(Event{context})), success;
}
Result cuEventRecord(Event* event, Stream* stream) {
  Result result = check(events, event);
  if (result == success) result = check(streams, stream);
  if (result != success) return result;
  event->is_recorded = true;
  event->is_done = false;
  enqueue(stream, [event] {
    // One that is gone by then is nobody's.
    if (!events.has(event)) return;
    event->is_done = true;
    event->seconds = seconds();
  });
  return success;
}
Result cuEventSynchronize(Event* event) {
  const Result result = check(events, event);
  if (result != success) return result;
  if (!event->is_done) drain(event->context);
  return event->context->failed;
}
Result cuEventElapsedTime(float* milliseconds, Event* start, Event* end) {
  for (Event* const event : {start, end}) {
    const Result result = check(events, event);
    if (result != success) return result;
    if (!event->is_recorded) return invalid_handle;
    if (!event->is_done) return not_ready;
  }
  return *milliseconds = float((end->seconds - start->seconds) * 1e3), success;
}
Result cuEventDestroy_v2(Event* event) {
  const Result result = check(events, event);
  if (result != success) return result;
  return events.remove(event), success;
}
}
