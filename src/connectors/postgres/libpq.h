// PostgreSQL's client library with owned handles: the only header that includes <libpq-fe.h>.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/c_handle.h"
#include "base/result.h"

namespace afluente::postgres {

using Connection = std::unique_ptr<PGconn, FreeWith<PQfinish>>;
using QueryResult = std::unique_ptr<PGresult, FreeWith<PQclear>>;

/// One libpq parameter that overrides the DSN: {"sslmode", "verify-full"}.
struct Parameter {
  std::string keyword;
  std::string value;
};

/// How to reach a database, secrets resolved.
struct Endpoint {
  std::string dsn;
  std::vector<Parameter> overrides;
};

/// The kind of a failure by its SQLSTATE; "" (no answer) is kTransient. So is
/// a cancelled query: whoever cancels one itself knows better by its own token.
/// Source: PostgreSQL documentation, appendix A.
ErrorKind KindOfSqlstate(const std::string& sqlstate);

/// Connects and puts the session into the form that the text of values is
/// compared in: UTC, ISO dates, UTF-8, no statement timeout.
/// Blocks for up to `patience`, besides what looking up the host's name takes.
/// Errors: kInvalidConfig for a DSN that does not parse (its text is not
/// repeated, it may hold a password), kUnauthorized for refused credentials,
/// kTransient when nobody answers.
Result<Connection> Connect(const std::string& dsn, const std::vector<Parameter>& overrides,
                           std::chrono::seconds patience = std::chrono::seconds(30));

/// Runs statements and returns the last result. Errors carry the server's
/// primary message and hint, never its detail (details quote values).
Result<QueryResult> Query(PGconn* connection, const std::string& sql);

/// Runs one statement with text parameters; nullopt is NULL.
Result<QueryResult> QueryParams(PGconn* connection, const std::string& sql,
                                const std::vector<std::optional<std::string>>& parameters);

/// The error that `result` (or, without one, the connection) carries.
Error ErrorOf(PGconn* connection, const PGresult* result);

/// Asks the server to cancel what `connection` runs, once, when `stop` fires.
/// Must be destroyed before the connection.
class CancelOnStop {
 public:
  CancelOnStop(PGconn* connection, const std::stop_token& stop);

 private:
  struct Cancel {
    std::shared_ptr<PGcancel> handle;
    void operator()() const;
  };
  std::stop_callback<Cancel> callback_;
};

/// A cell as text; "" for NULL.
inline std::string Text(const QueryResult& result, int row, int column) {
  return PQgetvalue(result.get(), row, column);
}

/// A cell of a boolean column; false for NULL.
inline bool IsTrue(const QueryResult& result, int row, int column) {
  return Text(result, row, column) == "t";
}

}  // namespace afluente::postgres
