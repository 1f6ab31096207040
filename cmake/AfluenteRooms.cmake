# A room is one folder under src/ with one purpose: a static library of its .cpp files (folders below it
# included) and one test program of the *_test.cpp files that stand beside them.

add_library(afluente_options INTERFACE)
target_compile_options(
  afluente_options INTERFACE -Wall -Wextra -Werror -Wconversion -Wshadow -Wnon-virtual-dtor
                             -Woverloaded-virtual -Wswitch-enum -fno-omit-frame-pointer
                             # g++ 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
                             -Wno-restrict)
target_include_directories(afluente_options INTERFACE "${PROJECT_SOURCE_DIR}/src"
                                                      "${PROJECT_BINARY_DIR}/generated")
target_link_options(afluente_options INTERFACE -fuse-ld=mold)

function(afluente_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  if(sources)
    add_library(afluente_${name} STATIC ${sources})
    target_link_libraries(afluente_${name} PUBLIC afluente_options ${ARGN})
  else()
    add_library(afluente_${name} INTERFACE)
    target_link_libraries(afluente_${name} INTERFACE afluente_options ${ARGN})
  endif()
  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE afluente_${name} GTest::gmock GTest::gtest_main)
    add_test(NAME unit.${name} COMMAND ${name}_test)
    set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300)
  endif()
endfunction()
