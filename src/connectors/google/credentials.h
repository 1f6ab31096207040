// Who a request to Google comes from.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace afluente::google {

/// Makes the tokens that requests carry. Thread-safe.
class Credentials {
 public:
  virtual ~Credentials() = default;

  /// An OAuth 2.0 access token that is good for five minutes at least, or nearly so; "" when the
  /// server wants none (an emulator). Kept until it grows old.
  /// Errors: kUnauthorized when they are refused, with the cure; kTransient when whoever gives
  /// tokens does not answer.
  virtual Result<std::string> Token(const std::stop_token& stop) = 0;

  /// The next Token() is a new one: this one was refused.
  virtual void Forget() = 0;

  /// "service account etl@movva.iam.gserviceaccount.com", for errors.
  virtual std::string Who() const = 0;
};

/// For emulators.
std::unique_ptr<Credentials> NoCredentials();

/// What the machine has, in the order of Google's own libraries ("Application Default
/// Credentials"): the file that GOOGLE_APPLICATION_CREDENTIALS names, the file that `gcloud auth
/// application-default login` leaves, the metadata server of a Google machine (GCE_METADATA_HOST
/// names another one). A file is of type service_account, or authorized_user.
/// Source: google.aip.dev/auth/4110, 4111, 4112, 4115.
/// Errors: kInvalidConfig for a file that is none of these; kUnauthorized, with the cure, for no
/// file. Nothing is asked before the first token. Borrows the clock.
Result<std::unique_ptr<Credentials>> DefaultCredentials(const Clock& clock);

/// The same of a file's content. Errors: kInvalidConfig; no error holds any of it.
Result<std::unique_ptr<Credentials>> CredentialsOf(const std::string& json, const Clock& clock);

}  // namespace afluente::google
