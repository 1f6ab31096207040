#include "estate/secrets.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string_view>
#include <system_error>

namespace afluente::estate {
namespace {

constexpr std::size_t kSecretBytesMax = 64 * 1024;
constexpr std::string_view kHowTo = "; write ${env:NAME} or ${file:path}";
// Stands for one reference while a DSN is taken apart; no estate file can hold this byte.
constexpr char kSecretMark = '\x01';

bool IsVariableName(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return c == '_' || (c < 0x80 && std::isalnum(c) != 0);
         });
}

using Replacement =
    std::function<Result<std::string>(std::string_view kind, std::string_view subject)>;

// Goes through `text` once and lets `replace` speak for each reference.
Result<std::string> ReplaceReferences(std::string_view text, const Replacement& replace) {
  const auto malformed = [](const std::string& what) {
    return Error(ErrorKind::kInvalidConfig, what + std::string(kHowTo));
  };
  std::string resolved;
  while (true) {
    const std::size_t start = text.find("${");
    resolved += text.substr(0, start);
    if (start == std::string_view::npos) return resolved;
    text.remove_prefix(start + 2);
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos) return malformed("a ${ is not closed with }");
    const std::string_view body = text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::size_t colon = body.find(':');
    if (colon == std::string_view::npos) {
      return malformed("a reference does not say where its secret lies");
    }
    const std::string_view kind = body.substr(0, colon);
    const std::string_view subject = body.substr(colon + 1);
    if (kind != "env" && kind != "file") {
      return malformed("a reference is neither to an environment variable nor to a file");
    }
    if (kind == "env" && !IsVariableName(subject)) {
      return malformed("the name of an environment variable has letters, digits and _ only");
    }
    if (subject.empty()) return malformed("a reference names no file");
    AFL_ASSIGN(const std::string value, replace(kind, subject));
    resolved += value;
  }
}

Result<std::string> FromEnvironment(const std::string& name) {
  // Safe beside other threads as long as nobody calls setenv, which only tests do.
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  if (value != nullptr) return std::string(value);
  return Error(ErrorKind::kInvalidConfig,
               "the environment variable " + name + " is not set: export " + name + "=...");
}

Result<std::string> FromFile(const std::filesystem::path& path) {
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorKind::kInvalidConfig, "the secret file " + path.string() + " " + why);
  };
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return refuse("does not exist");
  // Reading a pipe or a device could wait for ever.
  if (!std::filesystem::is_regular_file(path, error)) return refuse("is not a regular file");
  std::ifstream file(path, std::ios::binary);
  if (!file) return refuse("cannot be read: check its permissions");
  std::string text(kSecretBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kSecretBytesMax) return refuse("is larger than 64 KiB");
  if (text.ends_with('\n')) {
    text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
  }
  return text;
}

bool SpelledOut(std::string_view password) {
  return std::any_of(password.begin(), password.end(), [](char c) { return c != kSecretMark; });
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// user:password@host: the password ends at the last @ before the parameters.
bool UrlHoldsPassword(std::string_view dsn, std::size_t scheme_end) {
  const std::string_view rest = dsn.substr(scheme_end + 3);
  const std::string_view before_parameters = rest.substr(0, rest.find('?'));
  const std::size_t at = before_parameters.rfind('@');
  if (at == std::string_view::npos) return false;
  const std::string_view user = before_parameters.substr(0, at);
  const std::size_t colon = user.find(':');
  return colon != std::string_view::npos && SpelledOut(user.substr(colon + 1));
}

// password=..., in keywords as in URL parameters.
bool ParameterHoldsPassword(const std::string& dsn) {
  const std::string lower = Lower(dsn);
  for (std::size_t at = 0; (at = lower.find("password", at)) != std::string::npos;) {
    at += std::string_view("password").size();
    std::size_t value = lower.find_first_not_of(" \t", at);
    if (value == std::string::npos || lower[value] != '=') continue;
    value = lower.find_first_not_of(" \t", value + 1);
    if (value == std::string::npos) continue;
    const bool in_quotes = lower[value] == '\'';
    if (in_quotes) ++value;
    const std::size_t end = lower.find_first_of(in_quotes ? "'" : " \t&", value);
    if (SpelledOut(std::string_view(lower).substr(value, end - value))) return true;
  }
  return false;
}

std::string WithMarks(const std::string& text) {
  const Result<std::string> marked =
      ReplaceReferences(text, [](std::string_view, std::string_view) -> Result<std::string> {
        return std::string(1, kSecretMark);
      });
  return marked.ok() ? marked.value() : text;
}

}  // namespace

Result<std::string> ResolveSecrets(const std::string& text,
                                   const std::filesystem::path& estate_folder) {
  return ReplaceReferences(text, [&](std::string_view kind, std::string_view subject) {
    if (kind == "env") return FromEnvironment(std::string(subject));
    return FromFile(estate_folder / subject);
  });
}

std::string ReferenceProblem(const std::string& text) {
  const Result<std::string> marked = ReplaceReferences(
      text,
      [](std::string_view, std::string_view) -> Result<std::string> { return std::string(); });
  return marked.ok() ? "" : marked.error().message();
}

bool HoldsReference(const std::string& text) {
  return text.find("${env:") != std::string::npos || text.find("${file:") != std::string::npos;
}

bool IsReference(const std::string& text) {
  return HoldsReference(text) && ReferenceProblem(text).empty() && !SpelledOut(WithMarks(text));
}

bool HoldsPassword(const std::string& dsn) {
  const std::string marked = WithMarks(dsn);
  const std::size_t scheme_end = marked.find("://");
  if (scheme_end != std::string::npos && UrlHoldsPassword(marked, scheme_end)) return true;
  return ParameterHoldsPassword(marked);
}

}  // namespace afluente::estate
