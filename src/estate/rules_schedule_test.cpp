#include "estate/test_rule_case.h"

namespace afluente::estate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ScheduleRuleTest : public testing::TestWithParam<RuleCase> {};

TEST_P(ScheduleRuleTest, FindsExactlyThis) { ExpectExactly(GetParam()); }

RuleCase Of(const std::string& name, const std::string& trigger, const std::string& want) {
  return {name, {{"trigger", trigger}}, want};
}

const auto kName = [](const auto& row) { return row.param.name; };

INSTANTIATE_TEST_SUITE_P(
    Sound, ScheduleRuleTest,
    testing::Values(
        Of("EveryKey",
           "{ cron: '0 6 * * mon-fri', zone: America/Sao_Paulo, gap: skip, overlap: both, except: "
           "[br-national, 2026-12-24, 2026-07-01..2026-07-31], from: 2026-01-01, until: "
           "2030-12-31, jitter: 5m }",
           ""),
        Of("Every", "{ every: 15m }", ""),
        Of("EveryAnchored",
           "{ every: 36h, anchor: '2026-01-01T06:00:00-03:00', zone: UTC, except: br-bank }", ""),
        Of("List", "[{ cron: '0 6 * * *' }, { every: 15m, jitter: 14m }]", ""),
        Of("LeapDay", "{ cron: '0 0 29 2 *', except: br-national }", ""),
        Of("JitterOfTwoDays", "{ cron: '0 0,12 * * *', jitter: 11h }", "")),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Wrong, ScheduleRuleTest,
    testing::Values(
        Of("Empty", "[]", "trigger: the list holds no schedule: add one, or remove the key"),
        Of("OtherInList", "[{ on: change }]",
           "x.yaml:5:11: trigger needs one of the keys cron, every"),
        Of("CronInList", "[{ every: 1h }, { cron: '0 25 * * *' }]",
           "x.yaml:5:34: trigger.cron: expected a cron of five fields"),
        Of("Calendar", "{ cron: '@daily', except: [br-nacional] }",
           "x.yaml:5:37: trigger.except: no calendar \"br-nacional\" is declared under calendars "
           "of "
           "estate.yaml or built in (did you mean \"br-national\"?)"),
        Of("CalendarOfSecond", "[{ every: 1h }, { every: 1h, except: holidays }]",
           "x.yaml:5:47: trigger.except: no calendar \"holidays\""),
        Of("Date", "{ cron: '@daily', except: 2026-02-30 }",
           "trigger.except: expected a day, a range such as 2026-07-01..2026-07-31, or a "
           "calendar's name, not \"2026-02-30\": \"2026-02-30\" is no day; write YYYY-MM-DD"),
        Of("RangeBackwards", "{ cron: '@daily', except: 2026-07-31..2026-07-01 }",
           "the range runs backwards"),
        Of("AlwaysExcepted", "{ cron: '0 0 25 12 *', except: br-national }",
           "x.yaml:5:41: trigger.except: no day is left on which cron 0 0 25 12 * could fire"),
        Of("AllExcepted",
           "{ every: 1h, from: 2026-01-01, until: 2026-01-02, except: "
           "2026-01-01..2026-01-31 }",
           "trigger.except: no day is left on which every 1h could fire"),
        Of("NoDayUntil", "{ cron: '0 0 1 * *', from: 2026-01-02, until: 2026-01-31 }",
           "trigger.until: no day is left on which cron 0 0 1 * * could fire"),
        Of("UntilBeforeFrom", "{ cron: '@daily', from: 2026-01-02, until: 2026-01-01 }",
           "trigger.until: 2026-01-01 is before from, 2026-01-02, so it never fires"),
        Of("JitterOfCron", "{ cron: '0,20 6 * * *', jitter: 20m }",
           "trigger.jitter: 20m is not less than the 20m between two fires, which could change "
           "places: shorten it"),
        Of("JitterOverMidnight", "{ cron: '0 0,23 * * *', jitter: 2h }",
           "trigger.jitter: 2h is not less than the 1h between two fires"),
        Of("JitterOfEvery", "{ every: 15m, jitter: 1h }",
           "trigger.jitter: 1h is not less than the 15m between two fires"),
        Of("EveryTooShort", "{ every: 500ms }", "trigger.every: expected at least 1s, not 500ms"),
        Of("GapOfEvery", "{ every: 1h, gap: skip }", "unknown key \"gap\" in trigger"),
        Of("Gap", "{ cron: '@daily', gap: sihft }",
           "trigger.gap: expected one of shift, skip, not \"sihft\" (did you mean \"shift\"?)"),
        Of("Anchor", "{ every: 1h, anchor: 2026-01-01 }",
           "trigger.anchor: expected a moment such as 2026-01-01T06:00:00-03:00")),
    kName);

std::vector<std::string> FindingsWith(const std::string& calendars, const std::string& except) {
  TestEstate files;
  files.Write("estate.yaml", std::string(kSampleEstate) + "calendars: " + calendars + "\n");
  files.Write("integrations/x.yaml",
              IntegrationText({{"trigger", "{ cron: '@daily', except: " + except + " }"}}));
  return files.Findings();
}

TEST(CalendarRuleTest, CalendarsOfTheEstate) {
  EXPECT_THAT(FindingsWith("{ school: [2026-07-01..2026-07-31, 2026-12-24], bridge: 2026-06-05 }",
                           "[school, bridge]"),
              IsEmpty());
  EXPECT_THAT(FindingsWith("{ school: [2026-07-01..2026-07-31] }", "schol"),
              ElementsAre(HasSubstr("no calendar \"schol\" is declared under calendars of "
                                    "estate.yaml or built in (did you mean \"school\"?)")));
  EXPECT_THAT(FindingsWith("{ br-national: [2026-12-24] }", "br-national"),
              ElementsAre(HasSubstr("every estate has a calendar of that name; choose another")));
  EXPECT_THAT(FindingsWith("{ school: [2026-07-32] }", "school"),
              ElementsAre(HasSubstr("calendars.school: expected a day such as 2026-12-24, or a "
                                    "range")));
  EXPECT_THAT(FindingsWith("{ school: 5 }", "school"),
              ElementsAre(HasSubstr("calendars.school: expected")));
}

}  // namespace
}  // namespace afluente::estate
