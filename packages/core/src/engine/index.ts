/**
 * The engine port: what an engine implements, and what it needs for that. Apps import `@org/queue` instead.
 *
 * @module
 */
