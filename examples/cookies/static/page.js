// What only a script can show: setting a cookie without the server, and which cookies a script can see.
"use strict";

const form = document.getElementById("any-cookie");
const setByScript = document.getElementById("set-by-script");
const seenByScript = document.getElementById("seen-by-script");

setByScript.hidden = false;
setByScript.addEventListener("click", () => {
  if (!form.reportValidity()) return;
  // A semicolon would end the value. The server quotes it, a script has to do something of its own.
  const value = form.elements.value.value.replaceAll(";", "%3B");
  document.cookie = `${form.elements.name.value}=${value}; path=/`;
  location.assign("/"); // the server reads it there
});

seenByScript.hidden = false;
seenByScript.querySelector("code").textContent = document.cookie || "none";
