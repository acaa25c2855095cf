//! What stands in `deploy/` and around the container, as far as it can be read without the programs it is for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bursar::config::{FixedEnvironment, load_text};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// A build in a container has no more than what `.dockerignore` lets in.
#[test]
fn the_container_has_every_file_that_the_program_is_built_of() {
    let let_in: Vec<String> = read(".dockerignore")
        .lines()
        .filter_map(|line| line.strip_prefix('!').map(str::to_owned))
        .collect();
    let (mut sources, mut outside) = (Vec::new(), BTreeSet::new());
    files(&root().join("src"), &mut sources);
    // What is only there in tests is not built.
    let is_built = |path: &&PathBuf| {
        let of_tests = |part: &std::ffi::OsStr| part == "tests" || part == "tests.rs";
        path.extension().is_some_and(|end| end == "rs") && !path.iter().any(of_tests)
    };
    for source in sources.iter().filter(is_built) {
        let text = std::fs::read_to_string(source).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for rest in text.split("include_str!(\"").chain(text.split("include_bytes!(\"")).skip(1) {
            let Some((name, _)) = rest.split_once("\")") else { continue };
            let Ok(file) = source.parent().unwrap().join(name).canonicalize() else { continue };
            let file = file.strip_prefix(root().canonicalize().unwrap()).unwrap().to_owned();
            assert!(
                let_in.iter().any(|folder| file.starts_with(folder)),
                ".dockerignore keeps {} out, of which {} is built",
                file.display(),
                source.display()
            );
            outside.extend((!file.starts_with("src")).then_some(file));
        }
    }
    assert!(outside.contains(Path::new("deploy/systemd/bursar.service")), "{outside:?}");
}

#[test]
fn nothing_of_the_composition_has_a_password_that_others_know() {
    let compose = yaml(&read("deploy/compose.yaml"));
    let mut secrets = 0;
    for (name, service) in compose["services"].as_object().unwrap() {
        let image = service["image"].as_str().unwrap();
        let tag = image.split_once(':').unwrap_or_else(|| panic!("{name}: {image} has no tag")).1;
        assert_ne!(tag, "latest", "{name}");
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            if variable.ends_with("PASSWORD") || variable.ends_with("TOKEN") {
                let value = value.as_str().unwrap();
                assert!(value.starts_with("${") && value.contains(":?"), "{name}: {variable}");
                secrets += 1;
            }
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            let port = port.as_str().unwrap();
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port} is open to others");
        }
    }
    assert_eq!(secrets, 5);
    let bursar = &compose["services"]["bursar"];
    assert_eq!((&bursar["read_only"], &bursar["cap_drop"][0]), (&true.into(), &"ALL".into()));
}

#[test]
fn in_kubernetes_it_has_the_least_rights_and_the_probes_it_answers() {
    let text = read("deploy/kubernetes/bursar.yaml");
    let all: Vec<Value> = text
        .split("\n---\n")
        .filter(|part| part.lines().any(|line| !line.starts_with('#') && !line.is_empty()))
        .map(yaml)
        .collect();
    let of = |kind: &str| all.iter().find(|of| of["kind"] == kind).unwrap();
    assert_eq!(
        of("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "restricted"
    );
    let pod = &of("StatefulSet")["spec"]["template"]["spec"];
    let (context, container) = (&pod["securityContext"], &pod["containers"][0]);
    assert_eq!(context["runAsNonRoot"], true);
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    let own = &container["securityContext"];
    assert_eq!(own["allowPrivilegeEscalation"], false);
    assert_eq!(own["readOnlyRootFilesystem"], true);
    assert_eq!(own["capabilities"]["drop"][0], "ALL");
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");

    // The settings are in order, and what they name is mounted.
    let settings = of("ConfigMap")["data"]["bursar.yaml"].as_str().unwrap();
    let mut environment = FixedEnvironment::default();
    let mounted = pod["volumes"][0]["projected"]["sources"].as_array().unwrap().iter();
    let mounted: Vec<PathBuf> = mounted
        .flat_map(|source| source["secret"]["items"].as_array().into_iter().flatten())
        .map(|item| Path::new("/etc/bursar").join(item["path"].as_str().unwrap()))
        .collect();
    environment.files.extend(mounted.iter().map(|file| (file.clone(), "x".to_owned())));
    let loaded = load_text(settings, Path::new("/etc/bursar/bursar.yaml"), &environment);
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.settings.unheard(), []);
    let storage = &loaded.settings.storage.path;
    assert!(storage.starts_with(container["volumeMounts"][0]["mountPath"].as_str().unwrap()));
    for file in settings.lines().filter_map(|line| line.split_once(": /etc/bursar/")) {
        let file = Path::new("/etc/bursar").join(file.1.trim());
        assert!(mounted.contains(&file), "{} is mounted by nothing", file.display());
    }
    assert_eq!(container["ports"][0]["containerPort"], 8080);
    assert!(settings.contains("port: 8080"));
}
