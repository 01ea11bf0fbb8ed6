/**
 * NVRTC for the driver without a device: compiles by `bin/nvcc`, which `BRAID_NVCC` names with its first
 * option, and takes the options of NVRTC that Braid uses. Signatures are those of `nvrtc.h`.
 */

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <set>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

/** `nvrtcResult`. */
enum Result { success = 0, creation_failed = 2, invalid_input = 3, invalid_program = 4,
              invalid_option = 5, compilation = 6, builtin_operation_failure = 7 };

struct Program {
  std::string text, name, log, cubin;
};

/** Programs are compiled on several threads. */
std::mutex busy;
std::set<Program*> programs;

bool is_live(Program* program) {
  const std::lock_guard guard(busy);
  return programs.count(program) > 0;
}

std::string read_all(const std::string& path) {
  std::string all;
  FILE* const file = fopen(path.c_str(), "rb");
  if (file == nullptr) return all;
  char part[4096];
  for (size_t count; (count = fread(part, 1, sizeof part, file)) > 0;) all.append(part, count);
  fclose(file);
  return all;
}

/** Runs a program to its end, what it complains of in `log`; whether it went well. */
bool run(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child;
  const int failed =
      posix_spawn(&child, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  int status = 1;
  return failed == 0 && waitpid(child, &status, 0) == child && status == 0;
}

bool starts_with(const std::string& text, const char* start) { return text.rfind(start, 0) == 0; }

}  // namespace

extern "C" {

Result nvrtcVersion(int* major, int* minor) { return *major = 13, *minor = 0, success; }

Result nvrtcCreateProgram(Program** program, const char* text, const char* name, int headers,
                          const char* const*, const char* const*) {
  if (headers != 0 || text == nullptr) return invalid_input;
  const std::lock_guard guard(busy);
  programs.insert(*program = new Program{text, name == nullptr ? "default_program" : name, "", ""});
  return success;
}

Result nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  if (!is_live(program)) return invalid_program;
  // Beside this library is not where the loader looks.
  if (dlopen("libnvrtc-builtins.so.13.0", RTLD_NOW) == nullptr) {
    program->log = "nvrtc: error: failed to open libnvrtc-builtins.so.13.0.\n";
    return builtin_operation_failure;
  }
  std::vector<std::string> words = {BRAID_NVCC, "-cubin", "-std=c++17"};
  for (int i = 0; i < count; i++) {
    const std::string option = options[i];
    if (starts_with(option, "--gpu-architecture=sm_")) words.push_back("-arch=" + option.substr(19));
    else if (option != "--std=c++17" && !starts_with(option, "--include-path=")) {
      program->log = "nvrtc: error: unrecognized option " + option + " found\n";
      return invalid_option;
    }
  }
  char folder[] = "/tmp/braid-nvrtc-XXXXXX";
  if (mkdtemp(folder) == nullptr) return creation_failed;
  const std::string at = std::string(folder) + "/", text = at + program->name;
  FILE* const file = fopen(text.c_str(), "wb");
  fwrite(program->text.data(), 1, program->text.size(), file);
  fclose(file);
  words.insert(words.end(), {"-o", at + "cubin", text});
  const bool is_well = run(words, at + "log");
  program->log = read_all(at + "log");
  program->cubin = read_all(at + "cubin");
  for (const std::string& each : {text, at + "cubin", at + "log"}) unlink(each.c_str());
  rmdir(folder);
  if (is_well) return success;
  const bool is_old = program->log.find("Unsupported gpu architecture") != std::string::npos;
  if (is_old) program->log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
  return is_old ? invalid_option : compilation;
}

Result nvrtcGetProgramLogSize(Program* program, size_t* bytes) {
  if (!is_live(program)) return invalid_program;
  return *bytes = program->log.size() + 1, success;
}
Result nvrtcGetProgramLog(Program* program, char* log) {
  if (!is_live(program)) return invalid_program;
  return strcpy(log, program->log.c_str()), success;
}

Result nvrtcGetCUBINSize(Program* program, size_t* bytes) {
  if (!is_live(program)) return invalid_program;
  return *bytes = program->cubin.size(), success;
}
Result nvrtcGetCUBIN(Program* program, char* cubin) {
  if (!is_live(program) || program->cubin.empty()) return invalid_program;
  return memcpy(cubin, program->cubin.data(), program->cubin.size()), success;
}

Result nvrtcDestroyProgram(Program** program) {
  if (!is_live(*program)) return invalid_program;
  const std::lock_guard guard(busy);
  programs.erase(*program);
  delete *program;
  return *program = nullptr, success;
}
}
