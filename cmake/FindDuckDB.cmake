# DuckDB's C API, as `./dev setup` unpacks it from the npm registry into .deps/duckdb.
# Defines the imported target DuckDB::DuckDB.
set(_duckdb_root "${PROJECT_SOURCE_DIR}/.deps/duckdb")
find_path(DuckDB_INCLUDE_DIR duckdb.h HINTS "${_duckdb_root}/include" NO_DEFAULT_PATH)
find_library(DuckDB_LIBRARY duckdb HINTS "${_duckdb_root}/lib" NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  DuckDB
  REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run ./dev setup")

if(DuckDB_FOUND AND NOT TARGET DuckDB::DuckDB)
  add_library(DuckDB::DuckDB SHARED IMPORTED)
  set_target_properties(
    DuckDB::DuckDB
    PROPERTIES IMPORTED_LOCATION "${DuckDB_LIBRARY}"
               IMPORTED_NO_SONAME TRUE
               INTERFACE_INCLUDE_DIRECTORIES "${DuckDB_INCLUDE_DIR}")
endif()
