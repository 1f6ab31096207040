#include "connectors/google/credentials.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>

#include "connectors/google/jwt.h"
#include "connectors/http/request.h"

namespace afluente::google {
namespace {

using nlohmann::json;

constexpr const char* kScope = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::chrono::minutes kFreshFor(5);

std::string TextAt(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class None final : public Credentials {
 public:
  Result<std::string> Token(const std::stop_token&) override { return std::string(); }
  void Forget() override {}
  std::string Who() const override { return "nobody"; }
};

// Keeps a token for as long as it is fresh.
class Cached : public Credentials {
 public:
  explicit Cached(const Clock& clock) : clock_(clock) {}

  Result<std::string> Token(const std::stop_token& stop) override {
    const std::lock_guard lock(mutex_);
    if (!token_.empty() && clock_.Monotonic() < fresh_until_) return token_;
    const auto asked = clock_.Monotonic();
    AFL_ASSIGN(const http::Answer answer, Ask(stop).Within([&] { return Who(); }));
    const json body = json::parse(answer.body, nullptr, false);
    if (answer.status != 200 || !body.is_object() || TextAt(body, "access_token").empty()) {
      return Refused(answer, body);
    }
    token_ = TextAt(body, "access_token");
    const auto lives = body.find("expires_in");
    const std::chrono::seconds life(
        lives != body.end() && lives->is_number() ? lives->get<std::int64_t>() : 0);
    fresh_until_ = asked + std::max<std::chrono::nanoseconds>(life - kFreshFor, life / 2);
    return token_;
  }

  void Forget() override {
    const std::lock_guard lock(mutex_);
    token_.clear();
  }

 protected:
  virtual Result<http::Answer> Ask(const std::stop_token& stop) const = 0;
  const Clock& clock() const { return clock_; }

 private:
  // Answers of token servers hold no secret besides the token: RFC 6749, section 5.2.
  Error Refused(const http::Answer& answer, const json& body) const {
    const std::string why = body.is_object() ? TextAt(body, "error_description") : "";
    const std::string code = body.is_object() ? TextAt(body, "error") : "";
    ErrorKind kind = http::KindOfStatus(answer.status);
    if (kind != ErrorKind::kTransient) kind = ErrorKind::kUnauthorized;
    std::string cure;
    if (kind == ErrorKind::kUnauthorized)
      cure = "; is the key revoked, or this machine's clock off?";
    return {kind, fmt::format("{}: no token: {} {}{}{}{}", Who(), answer.status, code,
                              why.empty() ? "" : ": ", why, cure)};
  }

  const Clock& clock_;
  std::mutex mutex_;  // Guards the token; whoever needs one waits for it.
  std::string token_;
  std::chrono::nanoseconds fresh_until_{0};  // Monotonic.
};

std::string FormOf(const std::map<std::string, std::string>& fields) {
  std::string form;
  for (const auto& [name, value] : fields) {
    form += (form.empty() ? "" : "&") + name + "=";
    for (const char c : value) {
      const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                         std::string_view("-_.~").find(c) != std::string_view::npos;
      form += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return form;
}

Result<http::Answer> PostForm(const std::string& url,
                              const std::map<std::string, std::string>& fields,
                              const std::stop_token& stop) {
  http::Request request;
  request.method = "POST";
  request.url = url;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  request.body = FormOf(fields);
  return http::Send(request, stop);
}

class ServiceAccount final : public Cached {
 public:
  ServiceAccount(const json& file, const Clock& clock)
      : Cached(clock),
        email_(TextAt(file, "client_email")),
        key_(TextAt(file, "private_key")),
        key_id_(TextAt(file, "private_key_id")),
        token_uri_(TextAt(file, "token_uri")) {
    if (token_uri_.empty()) token_uri_ = kAudience;
  }
  bool complete() const { return !email_.empty() && !key_.empty(); }
  std::string Who() const override { return "service account " + email_; }

 protected:
  Result<http::Answer> Ask(const std::stop_token& stop) const override {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(clock().Now().time_since_epoch()).count();
    const json claims = {
        {"iss", email_}, {"scope", kScope}, {"aud", kAudience}, {"iat", now}, {"exp", now + 3600}};
    AFL_ASSIGN(const std::string assertion, SignJwt(claims.dump(), key_, key_id_));
    return PostForm(
        token_uri_,
        {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion}},
        stop);
  }

 private:
  static constexpr const char* kAudience = "https://oauth2.googleapis.com/token";
  const std::string email_;
  const std::string key_;
  const std::string key_id_;
  std::string token_uri_;
};

class User final : public Cached {
 public:
  User(const json& file, const Clock& clock)
      : Cached(clock),
        fields_({{"grant_type", "refresh_token"},
                 {"client_id", TextAt(file, "client_id")},
                 {"client_secret", TextAt(file, "client_secret")},
                 {"refresh_token", TextAt(file, "refresh_token")}}),
        token_uri_(TextAt(file, "token_uri")) {
    if (token_uri_.empty()) token_uri_ = "https://oauth2.googleapis.com/token";
  }
  bool complete() const { return !fields_.at("refresh_token").empty(); }
  std::string Who() const override { return "the user of `gcloud auth application-default login`"; }

 protected:
  Result<http::Answer> Ask(const std::stop_token& stop) const override {
    return PostForm(token_uri_, fields_, stop);
  }

 private:
  const std::map<std::string, std::string> fields_;
  std::string token_uri_;
};

// Of a Google machine, and of GKE, which serves the same paths to workload identities.
class Machine final : public Cached {
 public:
  Machine(std::string host, const Clock& clock) : Cached(clock), host_(std::move(host)) {}
  std::string Who() const override { return "the service account of this machine"; }

 protected:
  Result<http::Answer> Ask(const std::stop_token& stop) const override {
    http::Request request;
    request.url = fmt::format(
        "http://{}/computeMetadata/v1/instance/service-accounts/default/token?scopes={}", host_,
        kScope);
    request.headers = {{"Metadata-Flavor", "Google"}};
    request.timeout = std::chrono::seconds(3);
    auto answer = http::Send(request, stop);
    if (!answer.ok() && answer.error().kind() == ErrorKind::kTransient) {
      return Error(ErrorKind::kUnauthorized,
                   fmt::format("{} does not answer, and no key is given: set "
                               "GOOGLE_APPLICATION_CREDENTIALS to the file of a service account",
                               host_));
    }
    if (!answer.ok()) return answer;
    const auto flavor = answer.value().headers.find("metadata-flavor");
    if (flavor == answer.value().headers.end() || flavor->second != "Google") {
      return Error(ErrorKind::kUnauthorized, host_ + " is no metadata server of Google");
    }
    return answer;
  }

 private:
  const std::string host_;
};

// nullopt: no such file.
Result<std::optional<std::string>> ReadFile(const std::filesystem::path& path, bool must_be) {
  std::ifstream file(path, std::ios::binary);
  if (!file && !must_be) return std::optional<std::string>();
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("GOOGLE_APPLICATION_CREDENTIALS names {}, which cannot be read",
                             path.string()));
  }
  return std::optional(std::move(text));
}

}  // namespace

std::unique_ptr<Credentials> NoCredentials() { return std::make_unique<None>(); }

Result<std::unique_ptr<Credentials>> CredentialsOf(const std::string& text, const Clock& clock) {
  const json file = json::parse(text, nullptr, false);
  const std::string type = file.is_object() ? TextAt(file, "type") : "";
  if (type == "service_account") {
    auto account = std::make_unique<ServiceAccount>(file, clock);
    if (account->complete()) return std::unique_ptr<Credentials>(std::move(account));
  } else if (type == "authorized_user") {
    auto user = std::make_unique<User>(file, clock);
    if (user->complete()) return std::unique_ptr<Credentials>(std::move(user));
  }
  return Error(ErrorKind::kInvalidConfig,
               type.empty() ? std::string("this is no file of Google credentials in JSON")
                            : fmt::format("credentials of type {} are not complete or not known; "
                                          "expected service_account or authorized_user",
                                          type));
}

Result<std::unique_ptr<Credentials>> DefaultCredentials(const Clock& clock) {
  const std::string named = Environment("GOOGLE_APPLICATION_CREDENTIALS");
  std::string folder = Environment("CLOUDSDK_CONFIG");
  if (folder.empty()) folder = Environment("HOME") + "/.config/gcloud";
  const std::filesystem::path path =
      named.empty() ? std::filesystem::path(folder) / "application_default_credentials.json"
                    : std::filesystem::path(named);
  AFL_ASSIGN(const auto text, ReadFile(path, !named.empty()));
  if (text) return CredentialsOf(*text, clock).Within([&] { return path.string(); });
  std::string host = Environment("GCE_METADATA_HOST");
  if (host.empty()) host = "metadata.google.internal";
  return std::unique_ptr<Credentials>(std::make_unique<Machine>(std::move(host), clock));
}

}  // namespace afluente::google
