// Keeps the lanes fresh without a flash or a lost scroll position. Without it the page reloads itself.
const EVERY_MILLISECONDS = 3000;
const connection = document.getElementById("connection");

async function refresh() {
  try {
    const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(`the cockpit answers ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [shown, fresh] = [document.getElementById("lanes"), page.getElementById("lanes")];
    // A reader's focus or selection is worth more than three seconds.
    if (!shown.contains(document.activeElement) && getSelection().isCollapsed) shown.replaceChildren(...fresh.childNodes);
    connection.textContent = "";
  } catch (error) {
    connection.textContent = `Not up to date: ${error.message}`;
  }
  setTimeout(refresh, EVERY_MILLISECONDS);
}
setTimeout(refresh, EVERY_MILLISECONDS);
