throw new Error(
  "A module with @org/queue-next/actions or /routes has been imported in the browser, where it can't run and would show " +
    'the server\'s code. Import the actions from a file that begins with "use server", and hooks from @org/queue-next/react.',
);
