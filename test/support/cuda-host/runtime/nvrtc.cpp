/**
 * An NVRTC that compiles nothing, for the test of how the runtime calls it: the cubin is the options, one
 * a line, and the text; a text with `#error` is refused. Signatures are those of `nvrtc.h`.
 */

#include <cstring>
#include <string>

namespace {

struct Program {
  std::string text, log, cubin;
};

}  // namespace

extern "C" {

int nvrtcVersion(int* major, int* minor) { return *major = 13, *minor = 1, 0; }

int nvrtcCreateProgram(Program** program, const char* text, const char* name, int headers,
                       const char* const*, const char* const*) {
  if (strcmp(name, "kernels.cu") != 0 || headers != 0) return 3;
  return *program = new Program{text, "", ""}, 0;
}

int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  for (int i = 0; i < count; i++) program->cubin += std::string(options[i]) + "\n";
  program->cubin += program->text;
  if (program->text.find("#error") == std::string::npos) return 0;
  program->log = "kernels.cu(1): error: #error\n";
  return 6;
}

int nvrtcGetProgramLogSize(Program* program, size_t* bytes) {
  return *bytes = program->log.size() + 1, 0;
}
int nvrtcGetProgramLog(Program* program, char* log) { return strcpy(log, program->log.c_str()), 0; }

int nvrtcGetCUBINSize(Program* program, size_t* bytes) { return *bytes = program->cubin.size(), 0; }
int nvrtcGetCUBIN(Program* program, char* cubin) {
  return memcpy(cubin, program->cubin.data(), program->cubin.size()), 0;
}

int nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return 0;
}
}
