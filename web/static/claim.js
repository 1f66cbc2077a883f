// A second click on a form's button would take the page away that the first one brings, and the secret with it.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    form.querySelector("button").disabled = true;
  });
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(source);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // No clipboard for pages without TLS: what is selected is copied the old way.
      if (!document.execCommand("copy")) return;
    }
    button.textContent = button.dataset.copied;
  });
}
