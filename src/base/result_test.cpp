#include "base/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

namespace afluente {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return Error(ErrorKind::kConversion, "odd");
  return number / 2;
}

Result<int> Quarter(int number) {
  AFL_ASSIGN(const int half, Half(number));
  AFL_ASSIGN(const int quarter, Half(half).Within([] { return "second half"; }));
  return quarter;
}

Status NeedsQuarter(int number) {
  AFL_TRY(Quarter(number));
  return Done{};
}

TEST(ResultTest, HoldsAValueOrAnError) {
  EXPECT_EQ(Half(8).value(), 4);
  const Result<int> failed = Half(7);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kConversion);
  EXPECT_EQ(failed.error().message(), "odd");
}

TEST(ResultTest, ReadingTheWrongSideThrows) {
  EXPECT_THROW((void)Half(7).value(), std::bad_variant_access);
  EXPECT_THROW((void)Half(8).error(), std::bad_variant_access);
}

TEST(ResultTest, MacrosAssignOrReturnTheError) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(7).error().message(), "odd");
  EXPECT_EQ(Quarter(6).error().message(), "second half: odd");
  EXPECT_TRUE(NeedsQuarter(4).ok());
  EXPECT_EQ(NeedsQuarter(6).error().kind(), ErrorKind::kConversion);
}

TEST(ResultTest, FramesReadFromTheOutsideIn) {
  Error error(ErrorKind::kTransient, "connection refused");
  error.AddFrame("table public.contacts");
  error.AddFrame("source rapidpro");
  EXPECT_EQ(error.message(), "source rapidpro: table public.contacts: connection refused");
}

TEST(ResultTest, AFrameIsNotDescribedOnSuccess) {
  int described = 0;
  const auto describe = [&] {
    ++described;
    return "frame";
  };
  EXPECT_TRUE(Half(2).Within(describe).ok());
  EXPECT_EQ(described, 0);
  EXPECT_FALSE(Half(1).Within(describe).ok());
  EXPECT_EQ(described, 1);
}

TEST(ResultTest, MovesWhatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  EXPECT_EQ(*make().value(), 5);
}

TEST(GuardedTest, PassesTheBodysOutcomeOn) {
  EXPECT_TRUE(Guarded([]() -> Status { return Done{}; }).ok());
  const Status failed =
      Guarded([]() -> Status { return Error(ErrorKind::kTransient, "no route"); });
  EXPECT_EQ(failed.error().kind(), ErrorKind::kTransient);
}

TEST(GuardedTest, AnEscapedExceptionIsABug) {
  const Status failed = Guarded([]() -> Status { throw std::runtime_error("boom"); });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal);
  EXPECT_THAT(failed.error().message(), testing::HasSubstr("boom"));
}

struct KindCase {
  std::string name;  // As it stands in JSON and in the run store.
  ErrorKind kind;
  Retry want;
};

std::ostream& operator<<(std::ostream& out, const KindCase& row) { return out << row.name; }

class ErrorKindTest : public testing::TestWithParam<KindCase> {};

TEST_P(ErrorKindTest, HasANameAndARetryPolicy) {
  EXPECT_EQ(NameOf(GetParam().kind), GetParam().name);
  EXPECT_EQ(RetryFor(GetParam().kind), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    All, ErrorKindTest,
    testing::Values(KindCase{"invalid_config", ErrorKind::kInvalidConfig, Retry::kAfterFix},
                    KindCase{"unauthorized", ErrorKind::kUnauthorized, Retry::kAfterFix},
                    KindCase{"not_found", ErrorKind::kNotFound, Retry::kAfterFix},
                    KindCase{"schema_mismatch", ErrorKind::kSchemaMismatch, Retry::kAfterFix},
                    KindCase{"conversion", ErrorKind::kConversion, Retry::kAfterFix},
                    KindCase{"transient", ErrorKind::kTransient, Retry::kSoon},
                    KindCase{"cancelled", ErrorKind::kCancelled, Retry::kNever},
                    KindCase{"internal", ErrorKind::kInternal, Retry::kAfterFix}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace afluente
