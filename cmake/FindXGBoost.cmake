# Debian's libxgboost-dev: its own CMake files name a program that the package does not bring.
# Defines the target XGBoost::XGBoost: the header, and AFLUENTE_XGBOOST, the name of the library for whoever loads it.
find_path(XGBoost_INCLUDE_DIR xgboost/c_api.h)
find_library(XGBoost_LIBRARY xgboost)

if(XGBoost_LIBRARY)
  execute_process(COMMAND "${CMAKE_OBJDUMP}" -p "${XGBoost_LIBRARY}" OUTPUT_VARIABLE headers)
  string(REGEX MATCH "SONAME +([^ \n]+)" soname "${headers}")
  set(XGBoost_SONAME "${CMAKE_MATCH_1}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(XGBoost REQUIRED_VARS XGBoost_SONAME XGBoost_INCLUDE_DIR)

if(XGBoost_FOUND AND NOT TARGET XGBoost::XGBoost)
  add_library(XGBoost::XGBoost INTERFACE IMPORTED)
  set_target_properties(
    XGBoost::XGBoost PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${XGBoost_INCLUDE_DIR}"
                                INTERFACE_COMPILE_DEFINITIONS "AFLUENTE_XGBOOST=\"${XGBoost_SONAME}\"")
endif()
