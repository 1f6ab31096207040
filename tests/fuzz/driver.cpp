// Feeds a fuzz target with a corpus and with what a few thousand small lies make of it.
//
//   fuzz_NAME [--seconds N] [--seed N] FILE-OR-FOLDER...
//
// The same seed gives the same inputs in the same order; only how many of them
// depends on the machine. An input that crashes, or takes longer than a few
// seconds, is left in a file whose name is printed; that file is an argument.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Of AddressSanitizer, where the program has it.
// NOLINTNEXTLINE(readability-identifier-naming, bugprone-reserved-identifier): its name.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

namespace fs = std::filesystem;

using Input = std::vector<std::uint8_t>;

constexpr std::size_t kInputBytesMax = 1 << 16;
constexpr unsigned kInputSecondsMax = 20;

const Input* current = nullptr;  // What the target is working on.

void SaveCurrent() {
  if (current == nullptr) return;
  const std::string name = "fuzz-crash-" + std::to_string(getpid());
  if (FILE* file = fopen(name.c_str(), "wb"); file != nullptr) {
    fwrite(current->data(), 1, current->size(), file);
    fclose(file);
    fprintf(stderr, "the input is in %s\n", name.c_str());
  }
  current = nullptr;
}

void OnSignal(int signal_number) {
  if (signal_number == SIGALRM) fprintf(stderr, "one input took over %u s\n", kInputSecondsMax);
  SaveCurrent();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

void Run(const Input& input) {
  current = &input;
  alarm(kInputSecondsMax);
  LLVMFuzzerTestOneInput(input.data(), input.size());
  current = nullptr;
}

class Mutator {
 public:
  Mutator(const std::vector<Input>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

  Input Next() {
    Input input = corpus_[Below(corpus_.size())];
    for (std::size_t changes = 1 + Below(4); changes > 0; --changes) Change(input);
    if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
    return input;
  }

 private:
  std::size_t Below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void Change(Input& input) {
    const std::size_t at = Below(input.size() + 1);
    const std::size_t length = std::min(1 + Below(16), input.size() - at);
    const auto here = input.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = here + static_cast<std::ptrdiff_t>(length);
    switch (Below(7)) {
      case 0:
        if (length > 0) input[at] ^= static_cast<std::uint8_t>(1U << Below(8));
        break;
      case 1:
        if (length > 0) input[at] = static_cast<std::uint8_t>(Below(256));
        break;
      case 2:
        input.erase(here, end);
        break;
      case 3: {
        const Input copy(here, end);
        input.insert(here, copy.begin(), copy.end());
        break;
      }
      case 4:
        input.resize(at);
        break;
      case 5:
        OverwriteNumber(input, at);
        break;
      default:
        Splice(input, at);
    }
  }

  // Lengths and counts stand in network byte order; these are the ones that hurt.
  void OverwriteNumber(Input& input, std::size_t at) {
    constexpr std::array<std::uint64_t, 14> kNumbers = {
        0,      1,      2,       7,          0x7f,       0xff,       0x7fff,
        0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    const std::size_t width = std::size_t{1} << Below(4);
    std::uint64_t number = kNumbers[Below(kNumbers.size())];
    if (at + width > input.size()) return;
    for (std::size_t i = width; i > 0; --i) {
      input[at + i - 1] = static_cast<std::uint8_t>(number);
      number >>= 8U;
    }
  }

  void Splice(Input& input, std::size_t at) {
    const Input& other = corpus_[Below(corpus_.size())];
    const std::size_t from = Below(other.size() + 1);
    const std::size_t length = Below(other.size() - from + 1);
    const auto begin = other.begin() + static_cast<std::ptrdiff_t>(from);
    input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), begin,
                 begin + static_cast<std::ptrdiff_t>(length));
  }

  const std::vector<Input>& corpus_;
  std::mt19937_64 random_;
};

Input ReadInput(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Sorted: the order is part of what a seed means.
std::vector<Input> ReadCorpus(const std::vector<fs::path>& places) {
  std::vector<fs::path> files;
  for (const fs::path& place : places) {
    if (!fs::is_directory(place)) {
      files.push_back(place);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(place)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<Input> corpus = {Input()};
  for (const fs::path& file : files) corpus.push_back(ReadInput(file));
  return corpus;
}

}  // namespace

int main(int argc, char** argv) {
  long seconds = 5;
  std::uint64_t seed = 1;
  std::vector<fs::path> places;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--seconds" && i + 1 < argc) {
      seconds = std::atol(argv[++i]);
    } else if (argument == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      places.emplace_back(argument);
    }
  }
  for (const int number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGALRM}) signal(number, OnSignal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(SaveCurrent);

  const std::vector<Input> corpus = ReadCorpus(places);
  if (corpus.size() < 2) {
    fprintf(stderr, "no corpus; name a file or a folder\n");
    return 2;
  }
  for (const Input& input : corpus) Run(input);
  Mutator mutator(corpus, seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  std::uint64_t runs = 0;
  for (; std::chrono::steady_clock::now() < end; ++runs) Run(mutator.Next());
  printf("%zu inputs of the corpus, %llu made from them, seed %llu\n", corpus.size(),
         static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  return 0;
}
