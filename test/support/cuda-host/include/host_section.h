/** Once a library: where the static shared memory of its kernels lies. */

#pragma once

// Weak: a library whose kernels have none lacks the section.
extern "C" __attribute__((weak, visibility("hidden"))) const char __start_braid_shared[];
extern "C" __attribute__((weak, visibility("hidden"))) const char __stop_braid_shared[];

extern "C" __attribute__((no_sanitize("thread"))) void braid_shared_section(
    const char** begin, const char** end) {
  *begin = __start_braid_shared;
  *end = __stop_braid_shared;
}
