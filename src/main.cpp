#include "cli/app.h"

int main(int argc, char** argv) { return afluente::cli::Main(argc, argv); }
