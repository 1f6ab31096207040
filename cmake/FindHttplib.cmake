# Debian's cpp-httplib: a header and a compiled library, without CMake files of its own.
# Defines the imported target Httplib::Httplib.
find_path(Httplib_INCLUDE_DIR httplib.h)
find_library(Httplib_LIBRARY cpp-httplib)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Httplib REQUIRED_VARS Httplib_LIBRARY Httplib_INCLUDE_DIR)

if(Httplib_FOUND AND NOT TARGET Httplib::Httplib)
  add_library(Httplib::Httplib SHARED IMPORTED)
  # The library was built with TLS: its classes have other members without this definition.
  set_target_properties(
    Httplib::Httplib
    PROPERTIES IMPORTED_LOCATION "${Httplib_LIBRARY}"
               INTERFACE_COMPILE_DEFINITIONS CPPHTTPLIB_OPENSSL_SUPPORT
               INTERFACE_INCLUDE_DIRECTORIES "${Httplib_INCLUDE_DIR}")
endif()
