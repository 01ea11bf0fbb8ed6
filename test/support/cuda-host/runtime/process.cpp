/**
 * The runtime as a process: requests on stdin, one answer each on stdout. Numbers are little-endian.
 *
 * A request is its kind (u32) and what follows below; text is its length (u32) and bytes. An answer is
 * a status (u32: 0, or 1 with a text of what went wrong), a length (u64) and as many bytes.
 */

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/prctl.h>
#include <string>
#include <vector>

#include "block.h"
#include "library.h"
#include "shadow.h"
#include "traps.h"

namespace {

enum Kind : uint32_t { load, allocate, release, write_bytes, read_bytes, copy, start };

std::vector<braid::Library> libraries;

void take(void* to, size_t bytes) {
  if (fread(to, 1, bytes, stdin) != bytes) exit(0);
}

template <typename T> T number() {
  T value;
  take(&value, sizeof value);
  return value;
}

std::string text() {
  std::string value(number<uint32_t>(), ' ');
  take(value.data(), value.size());
  return value;
}

void answer(uint32_t status, const void* bytes, uint64_t length) {
  fwrite(&status, sizeof status, 1, stdout);
  fwrite(&length, sizeof length, 1, stdout);
  fwrite(bytes, 1, length, stdout);
  fflush(stdout);
}

void done() { answer(0, "", 0); }
void failed(const std::string& what) { answer(1, what.data(), what.size()); }

bool in_range(const char* begin, uint64_t bytes) {
  if (bytes <= braid::device_bytes_at(begin)) return true;
  failed("a request leaves its buffer");
  return false;
}

/**
 * Slices of one buffer may lie side by side, where an index beyond the one would read the other: such
 * slices get places of their own for a launch.
 */
class Apart {
 public:
  explicit Apart(std::vector<braid::Slice>& slices) {
    const std::vector<braid::Slice> bound = slices;
    for (size_t i = 0; i < bound.size(); i++) {
      bool overlaps = false;
      bool touches = false;
      for (size_t j = 0; j < bound.size(); j++) {
        if (i == j) continue;
        overlaps = overlaps || distance(bound[i], bound[j]) < 0;
        touches = touches || distance(bound[i], bound[j]) < long(braid::guard_bytes);
      }
      if (touches && !overlaps) move(slices[i]);
    }
  }

  /** Brings back what was written. */
  void end() const {
    for (const Moved& each : moved) {
      if (each.writable) transfer(each.home, each.place, each.bytes);
      braid::device_free(each.place);
    }
  }

 private:
  struct Moved {
    char* home;
    char* place;
    size_t bytes;
    bool writable;
  };
  std::vector<Moved> moved;

  /** Bytes between two slices; below 0 where they overlap. */
  static long distance(const braid::Slice& a, const braid::Slice& b) {
    return a.begin < b.begin ? long(b.begin) - long(a.begin + a.bytes)
                             : long(a.begin) - long(b.begin + b.bytes);
  }

  static void transfer(char* to, const char* from, size_t bytes) {
    memcpy(to, from, bytes);
    braid::device_copied(to, from, bytes);
  }

  void move(braid::Slice& slice) {
    char* const place = braid::device_allocate(slice.bytes);
    if (place == nullptr) return;
    char* const home = reinterpret_cast<char*>(slice.begin);
    transfer(place, home, slice.bytes);
    slice.begin = uintptr_t(place);
    moved.push_back({home, place, slice.bytes, slice.writable});
  }
};

/** Name, groups, threads, dynamic bytes; buffers: address, bytes, writable, name; then integers. */
void run_kernel() {
  braid::Launch launch;
  launch.kernel = text();
  launch.grid = {number<uint32_t>(), 1, 1};
  launch.block = {number<uint32_t>(), 1, 1};
  launch.dynamic_bytes = number<uint32_t>();
  launch.slices.resize(number<uint32_t>());
  for (braid::Slice& slice : launch.slices) {
    slice.begin = number<uint64_t>();
    slice.bytes = number<uint64_t>();
    slice.writable = number<uint32_t>() != 0;
    slice.name = text();
  }
  std::vector<int32_t> scalars(number<uint32_t>());
  take(scalars.data(), scalars.size() * sizeof(int32_t));
  const Apart apart(launch.slices);
  std::vector<void*> arguments;
  for (braid::Slice& slice : launch.slices) arguments.push_back(&slice.begin);
  for (int32_t& scalar : scalars) arguments.push_back(&scalar);
  launch.arguments = arguments.data();
  for (const braid::Library& library : libraries) {
    launch.entry = library.find(launch.kernel);
    if (launch.entry == nullptr) continue;
    library.enter();
    const std::string problem = braid::run(launch);
    apart.end();
    if (problem.empty()) answer(0, &braid::counts(), sizeof braid::counts());
    else failed(problem);
    return;
  }
  failed("there is no kernel " + launch.kernel);
}

void serve(uint32_t kind) {
  switch (kind) {
    case load: {
      std::string problem;
      braid::Library library;
      if (!library.open(text(), problem)) return failed(problem);
      libraries.push_back(library);
      return done();
    }
    case allocate: {
      char* const begin = braid::device_allocate(number<uint64_t>());
      return answer(0, &begin, sizeof begin);
    }
    case release:
      if (!braid::device_free(number<char*>())) return failed("this buffer was not allocated");
      return done();
    case write_bytes: {
      char* const begin = number<char*>();
      std::vector<char> bytes(number<uint64_t>());
      take(bytes.data(), bytes.size());
      if (!in_range(begin, bytes.size())) return;
      memcpy(begin, bytes.data(), bytes.size());
      braid::device_written(begin, bytes.size());
      return done();
    }
    case read_bytes: {
      const char* const begin = number<char*>();
      const auto bytes = number<uint64_t>();
      if (in_range(begin, bytes)) answer(0, begin, bytes);
      return;
    }
    case copy: {
      char* const to = number<char*>();
      const char* const from = number<char*>();
      const auto bytes = number<uint64_t>();
      if (!in_range(to, bytes) || !in_range(from, bytes)) return;
      memmove(to, from, bytes);
      braid::device_copied(to, from, bytes);
      return done();
    }
    case start:
      return run_kernel();
    default:
      failed("unknown request");
  }
}

}  // namespace

int main() {
  // Whoever asked is gone: a kernel that never ends must go, too.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const braid::Traps traps;
  for (;;) serve(number<uint32_t>());
}
