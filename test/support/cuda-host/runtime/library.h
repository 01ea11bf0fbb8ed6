/** A shared library of kernels that `compile.ts` built. */

#pragma once

#include <string>

namespace braid {

using Entry = void (*)(void** arguments);

class Library {
 public:
  /** Opens the file; `problem` says why not. */
  bool open(const std::string& path, std::string& problem);
  void close();
  /** The kernel of that name, or null. */
  Entry find(const std::string& kernel) const;
  /** The bytes of each of its parameters, then a 0. */
  const unsigned char* sizes(const std::string& kernel) const;
  /** Threads of a block that it is compiled for, or 0. */
  unsigned most_threads(const std::string& kernel) const;
  /** 90 is `sm_90`. */
  int architecture() const;
  /** Tells the runtime which memory of the library is shared; before each launch. */
  void enter() const;

 private:
  void* handle = nullptr;
};

}  // namespace braid
