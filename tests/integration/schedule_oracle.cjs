// Asks croner when crons fire.
//   node schedule_oracle.cjs CRONER QUESTIONS
// QUESTIONS is a JSON file, [{"cron", "zone", "from", "until", "count"}]; printed is a list of lists of
// times in UTC, those in [from, until).
const [, , cronerPath, questionsPath] = process.argv;
const { Cron } = require(cronerPath);
const questions = JSON.parse(require("fs").readFileSync(questionsPath, "utf8"));

const answers = questions.map(({ cron, zone, from, until, count }) => {
  // "no-wildcard": jobs without a wildcard or step in minutes and hours have fixed times, as here.
  const job = new Cron(cron, { timezone: zone, mode: "5-part", fixedTimeRule: "no-wildcard" });
  const times = [];
  let after = new Date(new Date(from).getTime() - 1000);
  while (times.length < count) {
    after = job.nextRun(after);
    if (after === null || after >= new Date(until)) break;
    times.push(after.toISOString());
  }
  return times;
});
process.stdout.write(JSON.stringify(answers));
