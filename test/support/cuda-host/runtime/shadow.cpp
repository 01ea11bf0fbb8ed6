/**
 * Shadow memory, and the calls that `-fsanitize=thread` puts before each access to memory.
 *
 * Two accesses to a byte conflict where one writes, the threads differ, and no barrier of the block
 * (or of the warp, within it) lies between them. Blocks of a launch are never ordered.
 */

#include "shadow.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <sys/mman.h>
#include <vector>

/** What a kernel declares as `extern __shared__`. */
alignas(1024) char dynamic_shared[braid::most_shared_bytes];

namespace braid {
namespace {

constexpr size_t region_bytes = size_t{256} << 20;
/** Threads of a touch beyond 1023: nobody, several of one warp (`many - 1 - warp`), or of more. */
constexpr uint16_t nobody = 0xffff;
constexpr uint16_t many = 0xfffe;

enum Content : uint8_t { unwritten = 0, written = 1, in_flight = 2 };

/** Who accessed a byte last, and at which barrier counts. Fresh memory was touched at 0. */
struct Touch {
  uint32_t interval;
  uint32_t warp_interval;
  uint16_t thread;
  bool is_atomic;
};

struct Byte {
  Touch write;
  Touch read;
};

struct SharedArray {
  const char* name;
  uintptr_t begin;
  size_t bytes;
  uint32_t block;
  std::vector<uint8_t> content;
  std::vector<Byte> history;
};

char* region;
uint8_t* region_content;
Byte* region_history;
std::map<char*, size_t> allocations;
std::vector<SharedArray> arrays;
size_t last_array;
size_t last_slice;
uintptr_t section_begin;
uintptr_t section_end;

template <typename T> T* reserve(size_t count) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* place = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, flags, -1, 0);
  if (place == MAP_FAILED) {
    fprintf(stderr, "cuda-host: cannot reserve %zu bytes of addresses\n", count * sizeof(T));
    abort();
  }
  return static_cast<T*>(place);
}

void open_region() {
  if (region != nullptr) return;
  region = reserve<char>(region_bytes);
  region_content = reserve<uint8_t>(region_bytes);
  region_history = reserve<Byte>(region_bytes);
}

/** Bytes that a thread accesses; `array` is where they are shared. Text is made for reports only. */
struct Place {
  uintptr_t begin;
  size_t bytes;
  Access access;
  const SharedArray* array;
};

/** The last array of this block that begins at or before `place`. */
const SharedArray* before(uintptr_t place) {
  const SharedArray* nearest = nullptr;
  for (const SharedArray& array : arrays) {
    if (array.begin > place || array.block != first_interval_of_block()) continue;
    if (nearest == nullptr || array.begin > nearest->begin) nearest = &array;
  }
  return nearest;
}

std::string name_of(const Place& place) {
  const auto text = [&](const std::string& kind, const std::string& name, uintptr_t begin,
                        size_t bytes) {
    return kind + " `" + name + "` at byte " + std::to_string(place.begin - begin) + " of " +
           std::to_string(bytes);
  };
  if (place.array != nullptr) {
    return text("shared", place.array->name, place.array->begin, place.array->bytes);
  }
  const Slice* nearest = nullptr;
  for (const Slice& slice : launch().slices) {
    if (slice.begin > place.begin) continue;
    if (nearest == nullptr || slice.begin > nearest->begin) nearest = &slice;
  }
  if (nearest == nullptr) return "memory that the kernel was not given";
  return text("global", nearest->name, nearest->begin, nearest->bytes);
}

[[noreturn]] void report_at(const Place& place, const std::string& what) {
  const char* verbs[] = {"reads ", "writes ", "updates "};
  report(verbs[int(place.access)] + std::to_string(place.bytes) + " bytes of " + name_of(place) +
         what);
}

/** Whether a touch is this thread's own, of an earlier launch, or before a barrier. */
bool is_ordered(const Touch& touch, bool is_global) {
  if (touch.interval < (is_global ? first_interval_of_launch() : first_interval_of_block())) {
    return true;
  }
  if (touch.interval < first_interval_of_block()) return false;
  if (touch.interval < interval() || touch.thread == thread_in_block()) return true;
  const unsigned warp = thread_in_block() / 32;
  const bool same_warp =
      touch.thread < 1024 ? touch.thread / 32u == warp : touch.thread == many - 1 - warp;
  return same_warp && touch.warp_interval < warp_interval();
}

std::string thread_name(const Touch& touch) {
  const std::string where =
      touch.thread < 1024 ? "thread " + std::to_string(touch.thread) : "another thread";
  return touch.interval < first_interval_of_block() ? where + " of another block" : where;
}

Touch here(Access access) {
  return {interval(), warp_interval(), uint16_t(thread_in_block()), access == Access::atomic};
}

/** Adds this thread to those who read a byte since the last barrier. */
void add_reader(Touch& read) {
  const Touch own = here(Access::read);
  const unsigned warp = own.thread / 32;
  const unsigned other = read.thread < 1024 ? read.thread / 32u : many - 1u - read.thread;
  if (read.interval != own.interval || read.thread == own.thread) {
    read = own;
  } else if (read.thread == many || other != warp) {
    read = {own.interval, own.warp_interval, many, false};
  } else if (read.warp_interval < own.warp_interval) {
    read = own;
  } else {
    read.thread = uint16_t(many - 1 - warp);
  }
}

/** Finds conflicts with what others did, and remembers this access. */
void check_order(Byte* history, const Place& place) {
  const bool is_global = place.array == nullptr;
  const bool is_atomic = place.access == Access::atomic;
  for (size_t i = 0; i < place.bytes; i++) {
    Byte& byte = history[i];
    if (!(is_atomic && byte.write.is_atomic) && !is_ordered(byte.write, is_global)) {
      report_at(place, ", which " + thread_name(byte.write) + " wrote, no barrier between");
    }
    if (place.access == Access::read) {
      add_reader(byte.read);
      continue;
    }
    if (!is_ordered(byte.read, is_global)) {
      report_at(place, ", which " + thread_name(byte.read) + " read, no barrier between");
    }
    byte.write = here(place.access);
  }
}

void check_content(const uint8_t* content, const Place& place) {
  for (size_t i = 0; i < place.bytes; i++) {
    if (content[i] == written) continue;
    if (content[i] == in_flight) report_at(place, ", an asynchronous copy not waited for");
    if (place.access != Access::write) report_at(place, ", which nobody has written");
  }
}

SharedArray* shared_at(uintptr_t place) {
  if (last_array < arrays.size()) {
    SharedArray& last = arrays[last_array];
    if (place - last.begin < last.bytes) return &last;
  }
  for (size_t i = 0; i < arrays.size(); i++) {
    if (place - arrays[i].begin >= arrays[i].bytes) continue;
    last_array = i;
    return &arrays[i];
  }
  return nullptr;
}

bool is_shared(uintptr_t place) {
  const uintptr_t dynamic = uintptr_t(dynamic_shared);
  return place - dynamic < most_shared_bytes || (place >= section_begin && place < section_end);
}

void check_shared(const Place& found) {
  SharedArray* array = shared_at(found.begin);
  const Place place{found.begin, found.bytes, found.access, array};
  const bool lives = array != nullptr && array->block == first_interval_of_block() &&
                     place.begin + place.bytes <= array->begin + array->bytes;
  if (!lives) report_at({place.begin, place.bytes, place.access, before(place.begin)}, ", out of range");
  const size_t at = place.begin - array->begin;
  check_content(&array->content[at], place);
  check_order(&array->history[at], place);
  if (place.access != Access::read) memset(&array->content[at], written, place.bytes);
}

const Slice* slice_at(uintptr_t place) {
  const std::vector<Slice>& slices = launch().slices;
  if (last_slice < slices.size() && place - slices[last_slice].begin < slices[last_slice].bytes) {
    return &slices[last_slice];
  }
  for (size_t i = 0; i < slices.size(); i++) {
    if (place - slices[i].begin >= slices[i].bytes) continue;
    last_slice = i;
    return &slices[i];
  }
  return nullptr;
}

/** Slices may overlap: whether any that holds the bytes may be written. */
bool may_write(uintptr_t place, size_t bytes) {
  for (const Slice& slice : launch().slices) {
    const bool holds = place >= slice.begin && place + bytes <= slice.begin + slice.bytes;
    if (holds && slice.writable) return true;
  }
  return false;
}

void check_global(const Place& place) {
  const Slice* slice = slice_at(place.begin);
  if (slice == nullptr || place.begin + place.bytes > slice->begin + slice->bytes) {
    report_at(place, ", out of range");
  }
  const bool writable = slice->writable || may_write(place.begin, place.bytes);
  if (place.access != Access::read && !writable) report_at(place, ", bound for reading only");
  const size_t at = place.begin - uintptr_t(region);
  check_content(region_content + at, place);
  if (!writable) return;
  check_order(region_history + at, place);
  if (place.access != Access::read) memset(region_content + at, written, place.bytes);
}

}  // namespace

char* device_allocate(size_t bytes) {
  open_region();
  // What lies behind a buffer belongs to nobody, so that its end is seen.
  const size_t wanted = (bytes + guard_bytes + 255) / 256 * 256;
  char* free_from = region;
  for (const auto& [begin, taken] : allocations) {
    if (begin >= free_from + wanted) break;
    free_from = begin + (taken + guard_bytes + 255) / 256 * 256;
  }
  if (free_from + wanted > region + region_bytes) return nullptr;
  allocations[free_from] = bytes;
  memset(region_content + (free_from - region), unwritten, wanted);
  return free_from;
}

bool device_free(char* begin) { return allocations.erase(begin) > 0; }

size_t device_bytes_at(const char* place) {
  auto after = allocations.upper_bound(const_cast<char*>(place));
  if (after == allocations.begin()) return 0;
  --after;
  const size_t offset = size_t(place - after->first);
  return offset < after->second ? after->second - offset : 0;
}

void device_written(const char* begin, size_t bytes) {
  memset(region_content + (begin - region), written, bytes);
}

void device_copied(const char* to, const char* from, size_t bytes) {
  memmove(region_content + (to - region), region_content + (from - region), bytes);
}

void begin_block(size_t dynamic_bytes) {
  if (dynamic_bytes > 0) shared_array("dynamic_shared", dynamic_shared, dynamic_bytes);
}

void forget_shared() {
  arrays.clear();
  last_array = 0;
}

void shared_section(const char* begin, const char* end) {
  section_begin = uintptr_t(begin);
  section_end = uintptr_t(end);
}

void shared_array(const char* name, const void* begin, unsigned long bytes) {
  const uint32_t block = first_interval_of_block();
  for (SharedArray& array : arrays) {
    if (array.begin != uintptr_t(begin)) continue;
    if (array.block == block) return;
    array.block = block;
    array.bytes = bytes;
    array.content.assign(bytes, unwritten);
    array.history.resize(bytes);
    return;
  }
  arrays.push_back({name, uintptr_t(begin), bytes, block, std::vector<uint8_t>(bytes, unwritten),
                    std::vector<Byte>(bytes)});
}

void check(const void* place, size_t bytes, Access access) {
  const uintptr_t address = uintptr_t(place);
  const Place found{address, bytes, access, nullptr};
  if (address - uintptr_t(region) < region_bytes) check_global(found);
  else if (is_shared(address)) check_shared(found);
}

void copy_begins(const void* place, size_t bytes) {
  check(place, bytes, Access::write);
  SharedArray* array = shared_at(uintptr_t(place));
  if (array == nullptr) report("an asynchronous copy goes to memory that is not shared");
  memset(&array->content[uintptr_t(place) - array->begin], in_flight, bytes);
}

void copy_arrives(const void* place, size_t bytes) {
  SharedArray* array = shared_at(uintptr_t(place));
  memset(&array->content[uintptr_t(place) - array->begin], written, bytes);
  check(place, bytes, Access::write);
}

}  // namespace braid

// What `-fsanitize=bounds` and `alignment` leave beside a check: GCC's `__ubsan_*_data`.

struct TypeName {
  uint16_t kind, info;
  char text[1];
};
struct BoundsData {
  const char* file;
  uint32_t line, column;
  const TypeName* array;
};
struct MismatchData {
  const char* file;
  uint32_t line, column;
  const TypeName* type;
  uint8_t log_alignment, kind;
};

extern "C" {

#define BRAID_SIZES(size)                                                                     \
  void __tsan_read##size(void* p) { braid::check(p, size, braid::Access::read); }             \
  void __tsan_write##size(void* p) { braid::check(p, size, braid::Access::write); }           \
  void __tsan_unaligned_read##size(void* p) { braid::check(p, size, braid::Access::read); }   \
  void __tsan_unaligned_write##size(void* p) { braid::check(p, size, braid::Access::write); }
BRAID_SIZES(1)
BRAID_SIZES(2)
BRAID_SIZES(4)
BRAID_SIZES(8)
BRAID_SIZES(16)
#undef BRAID_SIZES
void __tsan_read_range(void* p, unsigned long bytes) {
  braid::check(p, bytes, braid::Access::read);
}
void __tsan_write_range(void* p, unsigned long bytes) {
  braid::check(p, bytes, braid::Access::write);
}
void __tsan_vptr_update(void*, void*) {}
void __tsan_init() {}

void __ubsan_handle_out_of_bounds(const BoundsData* data, unsigned long index) {
  braid::report("index " + std::to_string(long(int(index))) + " is outside " + data->array->text +
                " (line " + std::to_string(data->line) + ")");
}
void __ubsan_handle_type_mismatch_v1(const MismatchData* data, unsigned long) {
  braid::report(std::string("an access to ") + data->type->text + " is not aligned to " +
                std::to_string(1 << data->log_alignment) + " bytes (line " +
                std::to_string(data->line) + ")");
}
}
