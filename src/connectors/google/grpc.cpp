#include "connectors/google/grpc.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <system_error>

#include "connectors/google/credentials.h"

namespace afluente::google {
namespace {

Result<const Grpc*> Load() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  const auto file = program.parent_path() / kGrpcLibrary;
  // Never unloaded: its threads outlive every use of it.
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  void* entry = library == nullptr ? nullptr : dlsym(library, kGrpcEntry);
  if (entry == nullptr) {
    return Error(
        ErrorKind::kInternal,
        fmt::format("{}, which speaks to Google's services, belongs beside the program: {}",
                    kGrpcLibrary, dlerror()));
  }
  return reinterpret_cast<GrpcEntry>(entry)();
}

}  // namespace

Result<Endpoint> EndpointOf(const std::string& address, const char* emulator, const Clock& clock) {
  const char* named = std::getenv(emulator);
  Endpoint endpoint;
  endpoint.encrypted = named == nullptr || *named == '\0';
  endpoint.address = endpoint.encrypted ? address : named;
  std::shared_ptr<Credentials> credentials = NoCredentials();
  if (endpoint.encrypted) {
    AFL_ASSIGN(credentials, DefaultCredentials(clock));
  }
  endpoint.who = credentials->Who();
  endpoint.token = [credentials](const std::stop_token& stop) { return credentials->Token(stop); };
  return endpoint;
}

Result<const Grpc*> LoadGrpc() {
  static std::mutex mutex;
  static const Grpc* loaded = nullptr;
  const std::lock_guard lock(mutex);
  if (loaded == nullptr) {
    AFL_ASSIGN(loaded, Load());
  }
  return loaded;
}

}  // namespace afluente::google
