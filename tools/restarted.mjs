// Preloaded into the service by npm run dev: nobody else sends requests to it, so a restart does not wait for load
// balancers to notice. SIGTERM is taken for a person's SIGINT, which skips those 5 s.
const emit = process.emit;
process.emit = function (name, ...rest) {
  return emit.call(this, name === 'SIGTERM' ? 'SIGINT' : name, ...rest);
};
