// What every test program reads, read once by the compiler. A source still includes what it uses: clang-tidy parses
// each one without this header.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
