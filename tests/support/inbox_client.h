// A sender of webhooks: signs and posts, as the Standard Webhooks specification says.
#pragma once

#include <map>
#include <string>

namespace afluente::test {

struct Answer {
  int status = 0;  // 0: there was none.
  std::string body;
  std::map<std::string, std::string> headers;  // Names in lower case.
};

/// "v1,BASE64" of the HMAC of "id.seconds.body".
std::string Sign(const std::string& secret, const std::string& id, long seconds,
                 const std::string& body);
/// "sha256=HEX" of the HMAC of body.
std::string HubSign(const std::string& secret, const std::string& body);

/// The headers of a signed message, now.
std::map<std::string, std::string> SignedHeaders(const std::string& secret, const std::string& id,
                                                 const std::string& body);

/// Posts to http://ADDRESS PATH; thread-safe.
Answer Post(const std::string& address, const std::string& path,
            const std::map<std::string, std::string>& headers, const std::string& body);

}  // namespace afluente::test
