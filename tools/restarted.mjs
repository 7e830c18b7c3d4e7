// Preloaded by npm run dev: nobody else sends requests to the service, so a restart does not wait for load balancers to
// notice. SIGTERM is taken for a person's SIGINT, which skips those 5 s.
const emit = process.emit;
process.emit = function (name, ...rest) {
  return name === 'SIGTERM' ? emit.call(this, 'SIGINT', 'SIGINT') : emit.call(this, name, ...rest);
};
