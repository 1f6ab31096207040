// Signed claims: how a service account proves who it is.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace afluente::google {

/// Base64 for URLs, without padding (RFC 4648, section 5).
std::string Base64Url(std::string_view bytes);

/// A JSON Web Token of `claims` (a JSON object), signed with RS256 (RFC 7519; RFC 7515;
/// RFC 7518, section 3.3). `key`: a private key in PEM. `key_id`: the header's kid.
/// kUnauthorized when the key cannot be read; no error holds it. Thread-safe.
Result<std::string> SignJwt(const std::string& claims, const std::string& key,
                            const std::string& key_id);

}  // namespace afluente::google
