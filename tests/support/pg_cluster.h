// A private PostgreSQL server for one test program: real, throw-away, silent.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/c_handle.h"
#include "support/process.h"
#include "support/temp_folder.h"

namespace afluente::test {

/// A cell as text; nullopt is NULL.
using Cell = std::optional<std::string>;
using Row = std::vector<Cell>;
using Rows = std::vector<Row>;

/// "1|ana|NULL": one line a row, for comparing and for reading failures.
std::vector<std::string> Lines(const Rows& rows);

/// One connection whose session prints values as PostgreSQL does by default
/// (UTC, ISO, IntervalStyle postgres, extra_float_digits 1). One thread.
class PgSession {
 public:
  explicit PgSession(const std::string& dsn);

  /// Runs one or more statements. Throws with the server's text on an error.
  void Exec(const std::string& sql);
  /// The rows of the last statement, every cell as text.
  Rows Query(const std::string& sql);

 private:
  using Result = std::unique_ptr<PGresult, FreeWith<PQclear>>;
  Result Run(const std::string& sql);

  std::unique_ptr<PGconn, FreeWith<PQfinish>> connection_;
};

/// A database of the shared cluster, dropped on destruction.
class PgDatabase;

/// Owns a server process and its folder. The server listens on a Unix socket
/// only, runs as `postgres` when this process is root (it refuses root), and is
/// shut down by the kernel when this process dies, however it dies.
///
/// Who may sign in: `postgres` without a password, everybody else with one.
class PgCluster {
 public:
  /// One server a test program, started on first use.
  static PgCluster& Shared();

  /// `settings`: lines of postgresql.conf that come after the usual ones.
  explicit PgCluster(std::string settings = "");
  ~PgCluster();
  PgCluster(const PgCluster&) = delete;
  PgCluster& operator=(const PgCluster&) = delete;

  /// `options` follow CREATE DATABASE: "encoding 'SQL_ASCII' ...".
  std::unique_ptr<PgDatabase> CreateDatabase(const std::string& options = "");
  std::string Dsn(const std::string& database, const std::string& user = "postgres",
                  const std::string& password = "") const;
  /// Kills the server and starts it again: connections break, what was not yet
  /// flushed is lost, the rest is recovered.
  void Crash();
  /// To the server's first process, which takes new connections: SIGSTOP, SIGCONT.
  void Signal(int signal) const;
  /// Statements for the whole server: roles, settings.
  void Exec(const std::string& sql) const;
  const std::filesystem::path& socket_folder() const { return folder_.path(); }

 private:
  void InitDb() const;
  void StartServer();
  void WaitUntilReady() const;

  const std::string settings_;
  TempFolder folder_;
  pid_t server_ = -1;
  int databases_made_ = 0;
};

class PgDatabase {
 public:
  PgDatabase(const PgCluster& cluster, std::string name);
  ~PgDatabase();
  PgDatabase(const PgDatabase&) = delete;
  PgDatabase& operator=(const PgDatabase&) = delete;

  void Exec(const std::string& sql) { session_.Exec(sql); }
  Rows Query(const std::string& sql) { return session_.Query(sql); }
  /// The first cell of the first row; throws when there is none or it is NULL.
  std::string Value(const std::string& sql);
  const std::string& name() const { return name_; }
  std::string dsn(const std::string& user = "postgres", const std::string& password = "") const {
    return cluster_.Dsn(name_, user, password);
  }

 private:
  const PgCluster& cluster_;
  std::string name_;
  PgSession session_;
};

}  // namespace afluente::test
