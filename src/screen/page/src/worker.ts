// Serves the page from the cache when the server does not answer, so that a screen that reboots
// without network can still show its last document. It never touches the API, and keeps nothing.

const scope = self as unknown as ServiceWorkerGlobalScope;
/** A server that says nothing for so long is away. */
const ANSWER_MAX_MS = 4000;

scope.addEventListener("install", () => void scope.skipWaiting());
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const isPage = new URL(request.url).pathname.startsWith("/screen/");
  if (request.method === "GET" && isPage) event.respondWith(serve(request));
});

async function serve(request: Request): Promise<Response> {
  const asked = fetch(request, { cache: "no-cache", signal: AbortSignal.timeout(ANSWER_MAX_MS) });
  try {
    const answer = await asked;
    if (answer.status < 500) return answer;
    return (await caches.match(request, { ignoreVary: true })) ?? answer;
  } catch (error) {
    const kept = await caches.match(request, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}
