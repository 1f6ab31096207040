// A bare client of Pub/Sub, as the stream benchmark's peer and load:
//   bench_pubsub_client create  HOST PROJECT TOPIC [SUBSCRIPTION...]
//   bench_pubsub_client publish HOST PROJECT TOPIC MESSAGES BATCH CALLS [PER_SECOND]
//   bench_pubsub_client drain   HOST PROJECT SUBSCRIPTION MESSAGES
// publish and drain print the seconds that they took. A message is {"n": NUMBER, "at":
// MICROSECONDS, "pad": ...} of 1 KB; CALLS requests of BATCH messages are on their way at once.
#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace v1 = google::pubsub::v1;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMessageBytes = 1024;
constexpr int kAnswerBytesMax = 64 << 20;

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& host) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kAnswerBytesMax);
  // Else one connection serves all channels to a host.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(host, grpc::InsecureChannelCredentials(), arguments);
}

void Check(const grpc::Status& status) {
  if (status.ok()) return;
  std::cerr << status.error_message() << "\n";
  std::exit(1);
}

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void Create(const std::string& host, const std::string& project, const std::string& topic,
            const std::vector<std::string>& subscriptions) {
  const auto channel = ChannelTo(host);
  const std::string name = "projects/" + project + "/topics/" + topic;
  {
    grpc::ClientContext context;
    v1::Topic wanted;
    wanted.set_name(name);
    Check(v1::Publisher::NewStub(channel)->CreateTopic(&context, wanted, &wanted));
  }
  for (const std::string& subscription : subscriptions) {
    grpc::ClientContext context;
    v1::Subscription wanted;
    wanted.set_name("projects/" + project + "/subscriptions/" + subscription);
    wanted.set_topic(name);
    wanted.set_ack_deadline_seconds(600);
    wanted.set_enable_message_ordering(true);
    Check(v1::Subscriber::NewStub(channel)->CreateSubscription(&context, wanted, &wanted));
  }
}

std::string MessageOf(long number) {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  std::string text = "{\"n\": " + std::to_string(number) +
                     ", \"at\": " + std::to_string(now.count()) + ", \"pad\": \"";
  text.append(kMessageBytes - text.size() - 2, 'x');
  return text + "\"}";
}

void Publish(const std::string& host, const std::string& topic, long messages, long batch,
             int calls, double per_second) {
  std::atomic<long> next{0};
  const auto start = Clock::now();
  std::vector<std::jthread> threads;
  for (int call = 0; call < calls; ++call) {
    threads.emplace_back([&] {
      const auto stub = v1::Publisher::NewStub(ChannelTo(host));
      for (;;) {
        const long begin = next.fetch_add(batch);
        if (begin >= messages) return;
        if (per_second > 0) {
          std::this_thread::sleep_until(
              start + std::chrono::duration_cast<Clock::duration>(
                          std::chrono::duration<double>(static_cast<double>(begin) / per_second)));
        }
        v1::PublishRequest request;
        request.set_topic(topic);
        for (long n = begin; n < std::min(begin + batch, messages); ++n) {
          request.add_messages()->set_data(MessageOf(n));
        }
        grpc::ClientContext context;
        v1::PublishResponse response;
        Check(stub->Publish(&context, request, &response));
      }
    });
  }
  threads.clear();
  std::printf("%.3f\n", SecondsSince(start));
}

// As a client would that only counts: every answer is acknowledged at once, in the stream.
void Drain(const std::string& host, const std::string& subscription, long messages) {
  const auto start = Clock::now();
  const auto stub = v1::Subscriber::NewStub(ChannelTo(host));
  grpc::ClientContext context;
  const auto stream = stub->StreamingPull(&context);
  v1::StreamingPullRequest request;
  request.set_subscription(subscription);
  request.set_stream_ack_deadline_seconds(60);
  stream->Write(request);
  long seen = 0;
  v1::StreamingPullResponse response;
  while (seen < messages && stream->Read(&response)) {
    v1::StreamingPullRequest acknowledged;
    for (const auto& received : response.received_messages()) {
      acknowledged.add_ack_ids(received.ack_id());
    }
    seen += response.received_messages_size();
    stream->Write(acknowledged);
  }
  std::printf("%.3f\n", SecondsSince(start));
  context.TryCancel();
  const grpc::Status status = stream->Finish();
  if (seen < messages) Check(status);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const std::string what = args.empty() ? "" : args[0];
  if (what == "create" && args.size() >= 4) {
    Create(args[1], args[2], args[3], {args.begin() + 4, args.end()});
  } else if (what == "publish" && args.size() >= 7) {
    Publish(args[1], "projects/" + args[2] + "/topics/" + args[3], std::stol(args[4]),
            std::stol(args[5]), std::stoi(args[6]), args.size() > 7 ? std::stod(args[7]) : 0);
  } else if (what == "drain" && args.size() == 5) {
    Drain(args[1], "projects/" + args[2] + "/subscriptions/" + args[3], std::stol(args[4]));
  } else {
    std::cerr << "create, publish or drain; see the head of the source\n";
    return 2;
  }
  return 0;
}
