#include "support/pg_cluster.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "base/names.h"

namespace afluente::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSettings = R"(
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = logical
max_wal_size = 2GB
max_connections = 60
max_replication_slots = 20
max_wal_senders = 20
shared_buffers = 128MB
timezone = 'America/Sao_Paulo'
jit = off
autovacuum = off
log_min_messages = warning
)";

constexpr const char* kHba = R"(
local all postgres trust
local all all scram-sha-256
)";

/// Whom the server runs as. PostgreSQL refuses root.
struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
};

Account ServerAccount() {
  if (geteuid() != 0) return {geteuid(), getegid()};
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = getpwnam(name)) return {entry->pw_uid, entry->pw_gid};
  }
  throw std::runtime_error("running as root, and there is no account postgres or nobody");
}

/// The newest installed server.
fs::path BinFolder() {
  if (const char* chosen = std::getenv("AFLUENTE_PG_BIN")) return chosen;
  std::vector<std::pair<int, fs::path>> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    if (fs::exists(entry.path() / "bin" / "postgres")) {
      found.emplace_back(std::atoi(entry.path().filename().c_str()), entry.path() / "bin");
    }
  }
  if (found.empty()) throw std::runtime_error("no PostgreSQL server below /usr/lib/postgresql");
  return std::max_element(found.begin(), found.end())->second;
}

/// Starts a program as the server's account with its output in `log`. It gets
/// `death_signal` when this process dies.
pid_t StartAs(const std::vector<std::string>& args, const fs::path& log, int death_signal) {
  const Account account = ServerAccount();
  std::vector<std::string> copy = args;
  std::vector<char*> argv;
  for (std::string& arg : copy) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;

  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  setpgid(0, 0);  // Ctrl-C ends the tests; they end the server.
  if (geteuid() == 0 &&
      (setgroups(0, nullptr) != 0 || setgid(account.gid) != 0 || setuid(account.uid) != 0)) {
    _exit(126);
  }
  prctl(PR_SET_PDEATHSIG, death_signal);  // After setuid, which clears it.
  if (getppid() != parent) _exit(125);
  if (chdir("/") != 0) _exit(126);
  setenv("LC_ALL", "C.UTF-8", 1);
  for (const char* name : {"PGDATA", "PGPORT", "PGHOST", "PGTZ", "PGOPTIONS"}) unsetenv(name);
  execv(argv[0], argv.data());
  _exit(127);
}

}  // namespace

std::vector<std::string> Lines(const Rows& rows) {
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += (i == 0 ? "" : "|") + row[i].value_or("NULL");
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

PgSession::PgSession(const std::string& dsn) : connection_(PQconnectdb(dsn.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    throw std::runtime_error(PQerrorMessage(connection_.get()));
  }
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
  Exec(
      "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = postgres;"
      "set extra_float_digits = 1; set bytea_output = hex; set lc_monetary = 'C'");
}

PgSession::Result PgSession::Run(const std::string& sql) {
  Result result(PQexec(connection_.get(), sql.c_str()));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
    throw std::runtime_error(
        fmt::format("{}\nin: {}", PQresultErrorMessage(result.get()), sql.substr(0, 2000)));
  }
  return result;
}

void PgSession::Exec(const std::string& sql) { Run(sql); }

Rows PgSession::Query(const std::string& sql) {
  const Result result = Run(sql);
  Rows rows;
  for (int r = 0; r < PQntuples(result.get()); ++r) {
    Row row;
    for (int c = 0; c < PQnfields(result.get()); ++c) {
      if (PQgetisnull(result.get(), r, c) != 0) {
        row.emplace_back(std::nullopt);
      } else {
        row.emplace_back(std::string(PQgetvalue(result.get(), r, c),
                                     static_cast<std::size_t>(PQgetlength(result.get(), r, c))));
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

PgCluster& PgCluster::Shared() {
  static PgCluster cluster;
  return cluster;
}

PgCluster::PgCluster(std::string settings) : settings_(std::move(settings)) {
  const Account account = ServerAccount();
  if (chown(folder_.path().c_str(), account.uid, account.gid) != 0) {
    throw std::runtime_error("cannot give the server its folder");
  }
  // Clients of other accounts must reach the socket.
  fs::permissions(folder_.path(), fs::perms::owner_all | fs::perms::group_exec |
                                      fs::perms::group_read | fs::perms::others_exec);
  InitDb();
  StartServer();
  WaitUntilReady();
  Exec("create role reader login password 'secret-of-reader'");
}

PgCluster::~PgCluster() {
  if (server_ > 0) {
    kill(server_, SIGQUIT);  // Immediate: nothing here is worth a checkpoint.
    waitpid(server_, nullptr, 0);
  }
}

void PgCluster::InitDb() const {
  const fs::path log = folder_.path() / "initdb.log";
  const pid_t child =
      StartAs({BinFolder() / "initdb", "-D", folder_.path() / "data", "-U", "postgres", "-A",
               "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
              log, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error("initdb failed: " + ReadFile(log));
}

void PgCluster::StartServer() {
  const fs::path data = folder_.path() / "data";
  WriteFile(data / "postgresql.conf", std::string(kSettings) + "unix_socket_directories = '" +
                                          folder_.path().string() + "'\n" + settings_);
  WriteFile(data / "pg_hba.conf", kHba);
  server_ = StartAs({BinFolder() / "postgres", "-D", data}, folder_.path() / "server.log", SIGQUIT);
}

void PgCluster::Crash() {
  kill(server_, SIGQUIT);
  waitpid(server_, nullptr, 0);
  StartServer();
  WaitUntilReady();
}

void PgCluster::Signal(int signal) const { kill(server_, signal); }

void PgCluster::WaitUntilReady() const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (PQping(Dsn("postgres").c_str()) != PQPING_OK) {
    if (waitpid(server_, nullptr, WNOHANG) == server_ ||
        std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("PostgreSQL does not start: " +
                               ReadFile(folder_.path() / "server.log"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::unique_ptr<PgDatabase> PgCluster::CreateDatabase(const std::string& options) {
  const std::string name = fmt::format("t{}", ++databases_made_);
  Exec(fmt::format("create database {} {}", name, options));
  return std::make_unique<PgDatabase>(*this, name);
}

std::string PgCluster::Dsn(const std::string& database, const std::string& user,
                           const std::string& password) const {
  std::string dsn =
      fmt::format("host={} dbname={} user={}", folder_.path().string(), database, user);
  if (!password.empty()) dsn += " password=" + password;
  return dsn;
}

void PgCluster::Exec(const std::string& sql) const { PgSession(Dsn("postgres")).Exec(sql); }

PgDatabase::PgDatabase(const PgCluster& cluster, std::string name)
    : cluster_(cluster), name_(std::move(name)), session_(cluster.Dsn(name_)) {}

PgDatabase::~PgDatabase() {
  try {
    // A slot holds its database.
    cluster_.Exec(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active "
        "and database = " +
        QuoteLiteral(name_));
    cluster_.Exec(fmt::format("drop database {} with (force)", QuoteIdentifier(name_)));
  } catch (const std::exception& failure) {
    // The whole server goes in a moment.
    std::cerr << "database " << name_ << " stays: " << failure.what() << '\n';
  }
}

std::string PgDatabase::Value(const std::string& sql) {
  const Rows rows = Query(sql);
  if (rows.empty() || rows[0].empty() || !rows[0][0]) throw std::runtime_error("no value: " + sql);
  return *rows[0][0];
}

}  // namespace afluente::test
