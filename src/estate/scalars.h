// The kinds of single values that the format knows.
#pragma once

#include <span>
#include <string_view>

#include "estate/shape.h"

namespace afluente::estate {

extern const ScalarKind kText;
extern const ScalarKind kFlag;
extern const ScalarKind kLanes;
extern const ScalarKind kCount;
extern const ScalarKind kName;
extern const ScalarKind kProjectName;
extern const ScalarKind kConnectionName;
extern const ScalarKind kServiceAccount;
extern const ScalarKind kTag;
extern const ScalarKind kColumnName;
extern const ScalarKind kColumnType;
extern const ScalarKind kWarehouseTable;
extern const ScalarKind kSourceTable;
extern const ScalarKind kAnyTable;
extern const ScalarKind kChangeTable;
extern const ScalarKind kLakeAddress;
extern const ScalarKind kLakeUrl;
extern const ScalarKind kSelect;
extern const ScalarKind kCondition;
extern const ScalarKind kTransform;
extern const ScalarKind kTopic;
extern const ScalarKind kWebhookPath;
extern const ScalarKind kBodyPath;
extern const ScalarKind kListen;
extern const ScalarKind kDuration;
extern const ScalarKind kSize;
extern const ScalarKind kClockTime;
extern const ScalarKind kCron;
extern const ScalarKind kZone;
extern const ScalarKind kMoment;
extern const ScalarKind kDay;
extern const ScalarKind kDays;
extern const ScalarKind kExcept;
extern const ScalarKind kCalendarName;
extern const ScalarKind kCurrency;
extern const ScalarKind kPath;
extern const ScalarKind kDsn;
extern const ScalarKind kSecret;
extern const ScalarKind kTaskName;
extern const ScalarKind kParameterName;
extern const ScalarKind kPoolName;
extern const ScalarKind kArgument;
extern const ScalarKind kVariable;
extern const ScalarKind kStatements;
extern const ScalarKind kUrl;
extern const ScalarKind kContent;
extern const ScalarKind kNumber;
extern const ScalarKind kShare;

/// All of the above, for the reference page and the tests.
std::span<const ScalarKind* const> AllScalarKinds();

}  // namespace afluente::estate
