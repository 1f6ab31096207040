#include "orchestrator/tasks/processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <condition_variable>
#include <fstream>
#include <future>

#include "base/test_folder.h"

namespace afluente::orchestrator {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

class ProcessesTest : public testing::Test {
 protected:
  ProcessesTest() { Open(); }

  void Open() {
    auto opened = Processes::Open();
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    processes_ = std::move(opened).value();
  }

  Command Shell(const std::string& script) {
    Command command;
    command.arguments = {"sh", "-c", script};
    command.grace = 200ms;
    command.working_folder = folder_.path();
    return command;
  }

  std::future<ProcessEnd> Start(const Command& command) {
    auto promise = std::make_shared<std::promise<ProcessEnd>>();
    const Status started = processes_->Start(
        attempt_, command, [promise](const ProcessEnd& end) { promise->set_value(end); });
    EXPECT_TRUE(started.ok()) << started.error().message();
    return promise->get_future();
  }

  Processes::Found Adopt(const Command& command, std::future<ProcessEnd>& end) {
    auto promise = std::make_shared<std::promise<ProcessEnd>>();
    end = promise->get_future();
    return processes_->Adopt(attempt_, command,
                             [promise](const ProcessEnd& one) { promise->set_value(one); });
  }

  // Each test waits for what the process does, with an end in sight.
  static ProcessEnd Get(std::future<ProcessEnd>& end) {
    if (end.wait_for(60s) != std::future_status::ready) throw std::runtime_error("it never ended");
    return end.get();
  }
  void WaitForOutput(const std::string& text) const {
    for (int i = 0; i < 6'000 && ReadOutput(attempt_, 1U << 20U).find(text) == std::string::npos;
         ++i) {
      Pause(10ms);
    }
    ASSERT_THAT(ReadOutput(attempt_, 1U << 20U), HasSubstr(text));
  }

  TestFolder folder_;
  std::filesystem::path attempt_ = folder_.path() / "attempt";
  std::unique_ptr<Processes> processes_;
};

TEST_F(ProcessesTest, ACommandGetsItsArgumentsAsTheyAre) {
  Command command;
  command.arguments = {"printf", "<%s>", "two words", "$HOME; rm", "'\""};
  command.environment = {{"AFLUENTE_RUN", "r"}};
  auto end = Start(command);
  EXPECT_EQ(Get(end).exit_code, 0);
  EXPECT_EQ(ReadOutput(attempt_, 1000), "<two words><$HOME; rm><'\">");
}

TEST_F(ProcessesTest, ExitCodesAndSignalsAreTold) {
  auto end = Start(Shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(Get(end).exit_code, 7);
  EXPECT_EQ(ReadOutput(attempt_, 1000), "out\nerr\n");
  attempt_ = folder_.path() / "killed";
  end = Start(Shell("kill -9 $$"));
  EXPECT_EQ(Get(end).exit_code, 128 + SIGKILL);
}

TEST_F(ProcessesTest, AProgramThatDoesNotExistIsNamed) {
  Command command;
  command.arguments = {"no-such-program"};
  const Status started = processes_->Start(attempt_, command, [](const ProcessEnd&) {});
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().kind(), ErrorKind::kNotFound);
  EXPECT_THAT(started.error().message(), HasSubstr("no program no-such-program"));
}

TEST_F(ProcessesTest, WhatIgnoresSigtermIsKilledWithItsChildren) {
  // Nobody ever writes to it: whoever reads it stays.
  auto end =
      Start(Shell("trap '' TERM; echo ready; mkfifo never; cat never & cat never; cat never"));
  WaitForOutput("ready");
  processes_->Cancel(attempt_);
  const ProcessEnd ended = Get(end);
  EXPECT_TRUE(ended.cancelled);
  EXPECT_EQ(ended.exit_code, 128 + SIGKILL);
}

TEST_F(ProcessesTest, AFloodOfOutputStaysBoundedOnDisk) {
  Command command = Shell("echo first; head -c 60000000 /dev/zero | tr '\\0' x; echo; echo last");
  command.output_max = 8U << 20U;
  auto end = Start(command);
  EXPECT_EQ(Get(end).exit_code, 0);
  struct stat status = {};
  ASSERT_EQ(stat((attempt_ / "output").c_str(), &status), 0);
  EXPECT_LE(status.st_blocks * 512, 9 << 20);
  const std::string all = ReadOutput(attempt_, 1U << 30U);
  EXPECT_THAT(all, StartsWith("first\n"));
  EXPECT_THAT(all, HasSubstr("bytes were too many and are gone]"));
  EXPECT_THAT(all.substr(all.size() - 6), HasSubstr("last\n"));
}

TEST_F(ProcessesTest, AProcessOutlivesWhoBeganItAndIsFoundAgain) {
  const Command command = Shell(
      "mkfifo \"$AFLUENTE_ATTEMPT/go\"; echo ready; read line <\"$AFLUENTE_ATTEMPT/go\"; exit 3");
  (void)Start(command);
  WaitForOutput("ready");
  processes_.reset();
  Open();
  std::future<ProcessEnd> end;
  EXPECT_EQ(Adopt(command, end), Processes::Found::kRunning);
  std::ofstream(attempt_ / "go") << "go\n";
  EXPECT_EQ(Get(end).exit_code, 3);

  processes_.reset();
  Open();
  EXPECT_EQ(Adopt(command, end), Processes::Found::kEnded);
  const ProcessEnd ended = Get(end);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_TRUE(ended.is_known);
}

TEST_F(ProcessesTest, WhatDiedUnseenIsToldFromWhatEnded) {
  auto end = Start(Shell("exec true"));
  Get(end);
  std::filesystem::remove(attempt_ / "ended");
  EXPECT_EQ(Adopt(Shell(""), end), Processes::Found::kEnded);
  EXPECT_FALSE(Get(end).is_known);
}

TEST_F(ProcessesTest, WhatWasFoundNotToHaveBegunNeverBegins) {
  std::future<ProcessEnd> end;
  EXPECT_EQ(Adopt(Shell("echo ran"), end), Processes::Found::kNeverBegan);
  EXPECT_EQ(Adopt(Shell("echo ran"), end), Processes::Found::kNeverBegan);
  auto late = Start(Shell("echo ran"));
  EXPECT_EQ(Get(late).exit_code, 125);
  EXPECT_THAT(ReadOutput(attempt_, 1000), testing::Not(HasSubstr("ran\n")));
}

}  // namespace
}  // namespace afluente::orchestrator
