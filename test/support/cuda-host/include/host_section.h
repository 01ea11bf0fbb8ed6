/** What a library of kernels says of itself: its architecture, and where its static shared memory lies. */

#pragma once

// Weak: a library whose kernels have none lacks the section.
extern "C" __attribute__((weak, visibility("hidden"))) const char __start_braid_shared[];
extern "C" __attribute__((weak, visibility("hidden"))) const char __stop_braid_shared[];

/** In each file of a library; equal ones are one. */
#define BRAID_LIBRARY(architecture)                                                       \
  extern "C" __attribute__((weak)) const int braid_architecture = architecture;           \
  extern "C" __attribute__((weak, no_sanitize("thread"))) void braid_shared_section(      \
      const char** begin, const char** end) {                                             \
    *begin = __start_braid_shared;                                                        \
    *end = __stop_braid_shared;                                                           \
  }
