// Everything that goes wrong around a run: a clear message, the right exit code,
// and a destination that stays as it was.
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "support/movement.h"
#include "support/warehouse_file.h"

namespace afluente::test {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPassword = "secret-of-reader";

/// One row stands in dw.d.t before each test; the source has two by then.
class BadInputTest : public MovementTest {
 protected:
  BadInputTest() {
    Source("create table t(id int, name text); insert into t values (1, 'old')");
    Declare("");
    RunOk("t");
    Source("update t set name = 'new'; insert into t values (2, 'new')");
  }
  void ExpectUntouched() {
    EXPECT_THAT(WarehouseLines("select id, name from dw.d.t order by id"), ElementsAre("1|old"));
  }
};

TEST_F(BadInputTest, ServerDown) {
  estate_.SetEnv("SRC_DSN", "host=/nonexistent dbname=x user=postgres password=hunter2");
  const Outcome outcome = RunFails("t", 3, {"src"});
  EXPECT_THAT(outcome.err, Not(HasSubstr("hunter2")));
  ExpectUntouched();
}

TEST_F(BadInputTest, NobodyListensOnThePort) {
  estate_.SetEnv("SRC_DSN", "host=127.0.0.1 port=1 dbname=x user=postgres");
  RunFails("t", 3, {"src", "refused"});
  ExpectUntouched();
}

TEST_F(BadInputTest, HostThatDoesNotExist) {
  estate_.SetEnv("SRC_DSN", "host=no-such-host.invalid dbname=x user=postgres connect_timeout=5");
  RunFails("t", 3, {"no-such-host.invalid"});
  ExpectUntouched();
}

TEST_F(BadInputTest, WrongPassword) {
  estate_.SetEnv("SRC_DSN", database_->dsn("reader", "not-the-password"));
  const Outcome outcome = RunFails("t", 2, {"src", "reader"});
  EXPECT_THAT(outcome.err, Not(HasSubstr("not-the-password")));
  ExpectUntouched();
}

TEST_F(BadInputTest, NoPasswordWhereOneIsNeeded) {
  estate_.SetEnv("SRC_DSN", database_->dsn("reader"));
  RunFails("t", 2, {"password"});
  ExpectUntouched();
}

TEST_F(BadInputTest, UnknownRole) {
  estate_.SetEnv("SRC_DSN", database_->dsn("nobody_here", "x"));
  RunFails("t", 2, {"nobody_here"});
  ExpectUntouched();
}

TEST_F(BadInputTest, UnknownDatabase) {
  estate_.SetEnv("SRC_DSN", PgCluster::Shared().Dsn("no_such_db"));
  const Outcome outcome = estate_.Run({"run", "t"});
  EXPECT_THAT(outcome.exit_code, AnyOf(1, 2)) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("no_such_db"));
  ExpectUntouched();
}

TEST_F(BadInputTest, EnvironmentVariableMissing) {
  estate_.Write("estate.yaml",
                "estate: trial\nprojects:\n  dw: { description: x }\nconnections:\n"
                "  src: { type: postgres, project: dw, dsn: \"${env:NOT_SET_DSN}\" }\n");
  RunFails("t", 2, {"NOT_SET_DSN"});
  ExpectUntouched();
}

TEST_F(BadInputTest, DsnThatDoesNotParseIsNotPrinted) {
  estate_.SetEnv("SRC_DSN", "host=x password='hunter2 dbname=y");
  const Outcome outcome = RunFails("t", 2, {"src"});
  EXPECT_THAT(outcome.err + outcome.out, Not(HasSubstr("hunter2")));
  ExpectUntouched();
}

TEST_F(BadInputTest, TableMissingWithTheNearestName) {
  Source("create table contacts(id int)");
  Declare("t", "public.contcts", "dw.d.t", "");
  RunFails("t", 1, {"public.contcts", "contacts"});
  ExpectUntouched();
}

TEST_F(BadInputTest, SchemaMissing) {
  Declare("t", "publik.t", "dw.d.t", "");
  RunFails("t", 1, {"publik"});
  ExpectUntouched();
}

TEST_F(BadInputTest, ColumnMissingWithTheNearestNameAndItsLine) {
  Declare("columns:\n  nme: { mask: redact }\n");
  RunFails("t", 1, {"integrations/t.yaml:6", "nme", "did you mean \"name\""});
  ExpectUntouched();
}

TEST_F(BadInputTest, KeyColumnMissing) {
  Declare("t", "public.t", "dw.d.t, key: [idd]", "write: upsert");
  RunFails("t", 1, {"idd"});
  ExpectUntouched();
}

TEST_F(BadInputTest, CursorColumnMissing) {
  Declare("mode: incremental\ncursor: [updated]");
  RunFails("t", 1, {"updated"});
  ExpectUntouched();
}

TEST_F(BadInputTest, WhereThatDoesNotParse) {
  Declare("where: \"id >\"");
  RunFails("t", 2, {"syntax error"});
  ExpectUntouched();
}

TEST_F(BadInputTest, PermissionDenied) {
  estate_.SetEnv("SRC_DSN", database_->dsn("reader", kPassword));
  const Outcome outcome = RunFails("t", 2, {"permission denied", "t"});
  EXPECT_THAT(outcome.err, Not(HasSubstr(kPassword)));
  ExpectUntouched();
}

TEST_F(BadInputTest, PermissionDeniedForOneColumn) {
  Source("grant select (id) on t to reader");
  estate_.SetEnv("SRC_DSN", database_->dsn("reader", kPassword));
  RunFails("t", 2, {"permission denied"});
  ExpectUntouched();
}

TEST_F(BadInputTest, ErrorOfTheServerInTheMiddle) {
  Source(
      "create view v as select i as id, 1 / (100000 - i) as x from generate_series(1, 200000) i");
  Declare("t", "public.v", "dw.d.t", "");
  RunFails("t", 1, {"division by zero"});
  ExpectUntouched();
}

TEST_F(BadInputTest, ConnectionLostInTheMiddle) {
  Source(
      "create view v as select i as id, pg_sleep(0.02) is null as x from generate_series(1, "
      "100000) i");
  Declare("t", "public.v", "dw.d.t", "");
  Process process(estate_.Afluente({"run", "t"}));
  const std::string terminate =
      "select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity where datname "
      "= "
      "current_database() and pid <> pg_backend_pid() and query ilike 'copy%') x";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (database_->Value(terminate) == "0" && std::chrono::steady_clock::now() < deadline) {
    ASSERT_FALSE(process.EndsWithin(std::chrono::milliseconds(5))) << process.err();
  }
  const Outcome outcome = process.Wait();
  EXPECT_EQ(outcome.exit_code, 3) << outcome.ToString();
  ExpectUntouched();
}

TEST_F(BadInputTest, CorruptCheckpoint) {
  Declare("i", "public.t", "dw.d.i", "mode: incremental\ncursor: [id]");
  RunOk("i");
  for (const char* damage : {"'garbage'", "'{\"columns\":[\"id\"],\"values\":[1]}'", "''", "null",
                             "'{\"columns\":[\"id\"],\"values\":[\"not a number\"]}'"}) {
    ExecInFile(estate_.warehouse_file(),
               fmt::format("update _afluente.checkpoints set position = {} "
                           "where integration = 'i'",
                           damage));
    const Outcome outcome = RunFails("i", 1, {"checkpoint", "--full-refresh"});
    EXPECT_THAT(WarehouseLines("select count(*) from dw.d.i"), ElementsAre("2")) << damage;
  }
  RunOk("i", {"--full-refresh"});
  EXPECT_EQ(RunOk("i").rows, 0);
}

TEST_F(BadInputTest, WarehouseFileOfANewerFormat) {
  ExecInFile(estate_.warehouse_file(), "update _afluente.format set version = 999");
  RunFails("t", 1, {"dw.duckdb", "999", "newer"});
  EXPECT_NE(estate_.Run({"query", "select 1"}).exit_code, 0);
  ExecInFile(estate_.warehouse_file(), "update _afluente.format set version = 1");
  ExpectUntouched();
}

TEST_F(BadInputTest, WarehouseFileOfANewerDuckdb) {
  // The storage version stands behind the magic bytes of the main header.
  std::string bytes = ReadFile(estate_.warehouse_file());
  bytes.at(12) = '\x7f';
  WriteFile(estate_.warehouse_file(), bytes);
  const Outcome outcome = RunFails("t", 1, {"dw.duckdb"});
  EXPECT_EQ(ReadFile(estate_.warehouse_file()), bytes) << "the file was touched";
}

TEST_F(BadInputTest, WarehouseFileIsGarbage) {
  const std::string garbage(100000, 'x');
  WriteFile(estate_.warehouse_file(), garbage);
  RunFails("t", 1, {"dw.duckdb"});
  EXPECT_EQ(ReadFile(estate_.warehouse_file()), garbage) << "the file was touched";
}

// What a kill leaves between the making of a file and its first commit.
TEST_F(BadInputTest, WarehouseFileThatWasJustCreated) {
  std::filesystem::remove(estate_.warehouse_file());
  ExecInFile(estate_.warehouse_file(), "select 1");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.t"), ElementsAre("2"));
}

TEST_F(BadInputTest, WarehouseFileOfNoBytes) {
  WriteFile(estate_.warehouse_file(), "");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.t"), ElementsAre("2"));
}

TEST_F(BadInputTest, StateFolderIsAFile) {
  const auto state = estate_.path() / "elsewhere";
  WriteFile(state, "not a folder");
  const Outcome outcome = estate_.Run({"run", "t", "--state", state});
  EXPECT_THAT(outcome.exit_code, AnyOf(1, 2)) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("elsewhere"));
}

class DiskFullTest : public BadInputTest {
 protected:
  DiskFullTest() {
    Source(
        "create table big as select i as id, md5(i::text) || md5((i + 1)::text) as name, "
        "md5((i + 2)::text) as more from generate_series(1, 600000) i");
  }
};

TEST_F(DiskFullTest, NoSpaceLeftOnTheDevice) {
  const auto state = estate_.path() / "small-disk";
  std::filesystem::create_directories(state);
  if (mount("tmpfs", state.c_str(), "tmpfs", 0, "size=16m") != 0) {
    GTEST_SKIP() << "no right to mount a small file system here";
  }
  const std::vector<std::string> run = {"run", "t", "--state", state};
  EXPECT_EQ(estate_.Run(run).exit_code, 0);
  Declare("t", "public.big", "dw.d.t", "");
  const Outcome full = estate_.Run(run);
  EXPECT_EQ(full.exit_code, 1) << full.ToString();
  EXPECT_THAT(full.err, AnyOf(HasSubstr("No space left"), HasSubstr("disk is full")));
  const std::vector<std::string> count = {
      "query", "select count(*) as n from dw.d.t", "--state", state, "--format", "csv"};
  EXPECT_EQ(estate_.Run(count).out, "n\r\n2\r\n") << "the destination was touched";
  // With room to write the same state works again.
  ASSERT_EQ(mount("tmpfs", state.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  Declare("");
  Source("insert into t values (3, 'new')");
  const Outcome again = estate_.Run(run);
  EXPECT_EQ(again.exit_code, 0) << again.ToString();
  EXPECT_EQ(estate_.Run(count).out, "n\r\n3\r\n");
  umount2(state.c_str(), MNT_DETACH);
}

TEST_F(DiskFullTest, FilesMayNotGrowAnyMore) {
  Declare("t", "public.big", "dw.d.t", "");
  Command command = estate_.Afluente({"run", "t"});
  command.file_bytes_max = 8 << 20;
  const Outcome outcome = RunCommand(command);
  EXPECT_EQ(outcome.exit_code, 1) << outcome.ToString();
  ExpectUntouched();
  Declare("");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.t"), ElementsAre("2"));
}

}  // namespace
}  // namespace afluente::test
