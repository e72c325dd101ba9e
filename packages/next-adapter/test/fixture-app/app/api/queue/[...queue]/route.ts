import { routes } from "@/lib/routes";

export const { GET, HEAD, POST, OPTIONS } = routes;
