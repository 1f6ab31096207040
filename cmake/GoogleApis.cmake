# Google's own definitions (npm packages that setup unpacks into .deps/protos) as C++: the library
# GoogleApis::GoogleApis. They are generated when the tree is configured, so that whoever only reads the sources
# (clang-tidy) finds the headers.
find_package(Protobuf REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(Grpc REQUIRED IMPORTED_TARGET grpc++)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

set(protos "${PROJECT_SOURCE_DIR}/.deps/protos")
set(stubs "${PROJECT_BINARY_DIR}/google_apis")
set(messages
    google/pubsub/v1/pubsub
    google/pubsub/v1/schema
    google/cloud/bigquery/storage/v1/annotations
    google/cloud/bigquery/storage/v1/arrow
    google/cloud/bigquery/storage/v1/avro
    google/cloud/bigquery/storage/v1/protobuf
    google/cloud/bigquery/storage/v1/storage
    google/cloud/bigquery/storage/v1/stream
    google/cloud/bigquery/storage/v1/table
    google/rpc/status
    google/api/annotations
    google/api/client
    google/api/field_behavior
    google/api/http
    google/api/launch_stage
    google/api/resource)
set(services google/pubsub/v1/pubsub google/cloud/bigquery/storage/v1/storage)
list(TRANSFORM messages APPEND .proto OUTPUT_VARIABLE message_protos)
list(TRANSFORM services APPEND .proto OUTPUT_VARIABLE service_protos)
list(TRANSFORM messages REPLACE "(.+)" "${stubs}/\\1.pb.cc")
list(TRANSFORM services REPLACE "(.+)" "${stubs}/\\1.grpc.pb.cc")

list(GET services -1 newest)
if("${protos}/google/rpc.pin" IS_NEWER_THAN "${newest}" OR "${CMAKE_CURRENT_LIST_FILE}" IS_NEWER_THAN "${newest}")
  file(MAKE_DIRECTORY "${stubs}")
  # Protobuf's own definitions are those of the protoc that runs.
  set(protoc "${Protobuf_PROTOC_EXECUTABLE}" -I "${Protobuf_INCLUDE_DIRS}" -I "${protos}")
  execute_process(COMMAND ${protoc} "--cpp_out=${stubs}" ${message_protos} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${protoc} "--grpc_out=${stubs}" "--plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN}"
                          ${service_protos} COMMAND_ERROR_IS_FATAL ANY)
endif()

add_library(google_apis STATIC ${messages} ${services})
add_library(GoogleApis::GoogleApis ALIAS google_apis)
# What a generator wrote is for the compiler alone; speed is gained where rows are, not here.
target_compile_options(google_apis PRIVATE -w -fno-sanitize=all $<$<CONFIG:RelWithDebInfo>:-O1>)
set_target_properties(google_apis PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(google_apis SYSTEM PUBLIC "${stubs}")
target_link_libraries(google_apis PUBLIC PkgConfig::Grpc protobuf::libprotobuf)
