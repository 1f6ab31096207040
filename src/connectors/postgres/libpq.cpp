#include "connectors/postgres/libpq.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "base/clock.h"

namespace afluente::postgres {
namespace {

using ConnectionInfo = std::unique_ptr<PQconninfoOption, FreeWith<PQconninfoFree>>;

constexpr const char* kSessionSettings =
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; "
    "SET extra_float_digits = 1; SET bytea_output = 'hex'; SET statement_timeout = 0; "
    "SET idle_in_transaction_session_timeout = 0; SET client_min_messages = 'warning'";

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// In verbose form the server's message reads "FATAL:  28P01: password ...": the
// code survives a server that speaks another language.
std::string SqlstateInVerboseText(std::string_view text) {
  for (std::size_t colon = text.find(": "); colon != std::string_view::npos;
       colon = text.find(": ", colon + 1)) {
    if (colon < 7) continue;
    const std::string_view code = text.substr(colon - 5, 5);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool is_word = std::all_of(code.begin(), code.end(),
                                     [&](char c) { return is_digit(c) || (c >= 'A' && c <= 'Z'); });
    // "FATAL: " has five capitals too; every code has a digit.
    const bool is_code = is_word && std::any_of(code.begin(), code.end(), is_digit);
    if (is_code && text[colon - 6] == ' ') return std::string(code);
  }
  return "";
}

Error ConnectError(PGconn* connection) {
  const std::string text = PQerrorMessage(connection);
  std::string line = FirstLine(text);
  const std::string sqlstate = SqlstateInVerboseText(line);
  if (!sqlstate.empty()) {
    line.erase(line.find(sqlstate + ": "), sqlstate.size() + 2);
  }
  if (PQconnectionNeedsPassword(connection) == 1) return {ErrorKind::kUnauthorized, line};
  return {KindOfSqlstate(sqlstate), line};
}

// libpq would print it on stderr, whatever form the log has.
void SayNotice(void* /*unused*/, const char* message) {
  spdlog::warn("PostgreSQL: {}", FirstLine(message));
}

// PQconnectdb would hide the SQLSTATE: the verbosity can only be set on a
// connection that has begun.
Status Establish(PGconn* connection, std::chrono::seconds patience) {
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  PQsetNoticeProcessor(connection, SayNotice, nullptr);
  const auto deadline = SystemClock().Monotonic() + patience;
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD) {
      return ConnectError(connection);
    }
    pollfd socket{PQsocket(connection),
                  static_cast<short>(state == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    constexpr int kStepMs = 500;
    poll(&socket, 1, kStepMs);
    if (SystemClock().Monotonic() > deadline) {
      return Error(ErrorKind::kTransient,
                   fmt::format("no answer from the server for {} s", patience.count()));
    }
    if (socket.revents != 0) state = PQconnectPoll(connection);
  }
  PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  return Done{};
}

}  // namespace

ErrorKind KindOfSqlstate(const std::string& sqlstate) {
  const std::string group = sqlstate.substr(0, 2);
  const auto is_one_of = [&](std::initializer_list<std::string_view> codes) {
    return std::find(codes.begin(), codes.end(), sqlstate) != codes.end();
  };
  if (sqlstate.empty() || group == "08" || group == "53" || group == "40") {
    return ErrorKind::kTransient;
  }
  if (group == "57" || is_one_of({"55P03", "55006"})) return ErrorKind::kTransient;
  if (group == "28" || is_one_of({"42501"})) return ErrorKind::kUnauthorized;
  if (is_one_of({"42P01", "42703", "3D000", "3F000", "42883", "42704"})) {
    return ErrorKind::kNotFound;
  }
  // P0001: a trigger or a function raised it.
  if (group == "22" || group == "23" || group == "44" || sqlstate == "P0001")
    return ErrorKind::kConversion;
  if (group == "42" || group == "26" || group == "34") return ErrorKind::kInvalidConfig;
  return ErrorKind::kInternal;
}

Result<Connection> Connect(const std::string& dsn, const std::vector<Parameter>& overrides,
                           std::chrono::seconds patience) {
  const ConnectionInfo parsed(PQconninfoParse(dsn.c_str(), nullptr));
  if (parsed == nullptr) {
    // Not libpq's text: for a malformed DSN it may quote the password.
    return Error(ErrorKind::kInvalidConfig,
                 "the DSN does not parse; expected \"host=... dbname=...\" or postgresql://...");
  }
  std::vector<const char*> keywords = {"connect_timeout", "application_name", "keepalives_idle",
                                       "dbname"};
  std::vector<const char*> values = {"10", "afluente", "60", dsn.c_str()};
  for (const Parameter& parameter : overrides) {
    keywords.push_back(parameter.keyword.c_str());
    values.push_back(parameter.value.c_str());
  }
  keywords.insert(keywords.end(), {"client_encoding", nullptr});
  values.insert(values.end(), {"UTF8", nullptr});

  Connection connection(PQconnectStartParams(keywords.data(), values.data(), 1));
  if (connection == nullptr) return Error(ErrorKind::kInternal, "out of memory");
  AFL_TRY(Establish(connection.get(), patience));
  AFL_TRY(Query(connection.get(), kSessionSettings));
  // The bytes as they are: a database without an encoding may hold any, and the
  // decoder names the column where they are not UTF-8.
  const char* encoding = PQparameterStatus(connection.get(), "server_encoding");
  if (encoding != nullptr && std::string_view(encoding) == "SQL_ASCII") {
    AFL_TRY(Query(connection.get(), "SET client_encoding = 'SQL_ASCII'"));
  }
  return connection;
}

Error ErrorOf(PGconn* connection, const PGresult* result) {
  const char* sqlstate = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (sqlstate == nullptr) {
    return {ErrorKind::kTransient, FirstLine(PQerrorMessage(connection))};
  }
  std::string text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (const char* hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT); hint != nullptr) {
    text += std::string(" (") + hint + ")";
  }
  if (std::string_view(sqlstate) == "55P03") {
    text +=
        "; another session holds a lock on it: run again when that session has ended (pg_locks "
        "shows it)";
  }
  return {KindOfSqlstate(sqlstate), text};
}

Result<QueryResult> Query(PGconn* connection, const std::string& sql) {
  QueryResult result(PQexec(connection, sql.c_str()));
  switch (PQresultStatus(result.get())) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_EMPTY_QUERY:
      return result;
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_FATAL_ERROR:
    case PGRES_COPY_BOTH:
    case PGRES_SINGLE_TUPLE:
    case PGRES_PIPELINE_SYNC:
    case PGRES_PIPELINE_ABORTED:
      break;
  }
  return ErrorOf(connection, result.get());
}

Result<QueryResult> QueryParams(PGconn* connection, const std::string& sql,
                                const std::vector<std::optional<std::string>>& parameters) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters) {
    values.push_back(parameter ? parameter->c_str() : nullptr);
  }
  QueryResult result(PQexecParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr,
                                  values.data(), nullptr, nullptr, 0));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return result;
  return ErrorOf(connection, result.get());
}

void CancelOnStop::Cancel::operator()() const {
  std::array<char, 256> message{};
  PQcancel(handle.get(), message.data(), static_cast<int>(message.size()));
}

CancelOnStop::CancelOnStop(PGconn* connection, const std::stop_token& stop)
    : callback_(stop, Cancel{std::shared_ptr<PGcancel>(PQgetCancel(connection), PQfreeCancel)}) {}

}  // namespace afluente::postgres
