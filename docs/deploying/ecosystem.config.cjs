module.exports = {
  apps: [
    {
      name: "queue-worker",
      script: "node_modules/@org/queue-worker/bin/queue.js",
      args: "worker --processes 2 --host 127.0.0.1 --port 9400",
      env: { NODE_ENV: "production", QUEUE_STOP_TIMEOUT: "25s" },
      // pm2 sends SIGINT, and kills after this many milliseconds.
      kill_timeout: 30_000,
      // Only to the supervisor: a second signal to its processes would end them at once.
      treekill: false,
      // A wrong flag and a broken config stay wrong.
      stop_exit_codes: [64, 78],
      exp_backoff_restart_delay: 1_000,
    },
  ],
};
