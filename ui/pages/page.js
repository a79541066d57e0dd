"use strict";
// The setup link carries its token behind the #, which no server ever sees.
const token = new URLSearchParams(location.hash.split("?")[1] || "").get("token");
const form = document.getElementById("setup");
const result = document.getElementById("result");
if (location.hash.startsWith("#/setup") && token) {
  form.hidden = false;
  history.replaceState(null, "", "/");
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  result.textContent = "";
  try {
    const answer = await fetch("/v1/auth/register", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email: form.email.value, password: form.password.value, setup_token: token }),
    });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error.message);
    form.hidden = true;
    result.textContent = "Done: " + body.user.email + " is the admin. Log in by POST /v1/auth/login, then manage keys at /v1/admin/keys.";
  } catch (err) {
    result.textContent = err.message;
    button.disabled = false;
  }
});
