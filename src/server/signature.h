// Who sent a request: an HMAC over its body, in the two forms that senders use.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace afluente::server {

/// The headers of a request that sign it; "" for one that is not there.
struct SignatureHeaders {
  std::string id;         // webhook-id
  std::string timestamp;  // webhook-timestamp: seconds since 1970.
  std::string signature;  // webhook-signature: "v1,BASE64 v1,BASE64 ...".
  std::string hub;        // x-hub-signature-256: "sha256=HEX".
};

/// The secrets of one place; any of them will do. `text` holds one a line.
class SigningSecrets {
 public:
  /// Errors: kInvalidConfig for none, for one of less than 16 bytes, and for a
  /// whsec_ that is not base64. They never hold the text.
  static Result<SigningSecrets> Parse(const std::string& text);

  /// Whether `body` is signed, now.
  /// Standard Webhooks: HMAC-SHA256 over "id.timestamp.body"; the time stamp is at
  /// most five minutes away. Source: standard-webhooks/standard-webhooks, spec.
  /// Otherwise X-Hub-Signature-256: HMAC-SHA256 over the body, whose key is the
  /// secret's text. Source: GitHub, "Validating webhook deliveries". It says
  /// neither when nor which message.
  /// Takes as long for a signature that is nearly right as for any other.
  /// Errors: kUnauthorized, with the cure for the sender.
  Status Verify(const SignatureHeaders& headers, std::string_view body, WallTime now) const;

 private:
  struct Secret {
    std::string text;
    std::string key;  // Of whsec_: what its base64 says; else the text.
  };
  std::vector<Secret> secrets_;
};

}  // namespace afluente::server
