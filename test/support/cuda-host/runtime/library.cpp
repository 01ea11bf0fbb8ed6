/** Libraries of kernels, by the names that `BRAID_ENTRY` gives them. */

#include "library.h"

#include <dlfcn.h>

#include "shadow.h"

namespace braid {

bool Library::open(const std::string& path, std::string& problem) {
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) problem = dlerror();
  return handle != nullptr;
}

void Library::close() {
  forget_shared();
  if (handle != nullptr) dlclose(handle);
  handle = nullptr;
}

Entry Library::find(const std::string& kernel) const {
  return reinterpret_cast<Entry>(dlsym(handle, ("braid_entry_" + kernel).c_str()));
}

const unsigned char* Library::sizes(const std::string& kernel) const {
  return static_cast<const unsigned char*>(dlsym(handle, ("braid_sizes_" + kernel).c_str()));
}

unsigned Library::most_threads(const std::string& kernel) const {
  const void* const found = dlsym(handle, ("braid_threads_" + kernel).c_str());
  return found == nullptr ? 0 : *static_cast<const unsigned*>(found);
}

int Library::architecture() const {
  const void* const found = dlsym(handle, "braid_architecture");
  return found == nullptr ? 0 : *static_cast<const int*>(found);
}

void Library::enter() const {
  using Section = void (*)(const char** begin, const char** end);
  const auto section = reinterpret_cast<Section>(dlsym(handle, "braid_shared_section"));
  const char* begin = nullptr;
  const char* end = nullptr;
  if (section != nullptr) section(&begin, &end);
  shared_section(begin, end);
}

}  // namespace braid
