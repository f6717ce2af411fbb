import Events
import Extract

/// Reads `"openlineage"`: a URL or a file, and the namespace of the jobs.
struct OpenLineageReader {
    let reader: DefinitionReader
    /// What the namespace is where none is given.
    let projectName: String

    func read(_ value: JSONValue) -> OpenLineageTarget? {
        let keys = ["url", "api_key", "namespace", "file"]
        guard let object = reader.object(value, "openlineage", keys: keys) else { return nil }
        let namespace = object["namespace"].flatMap { reader.nonEmptyString($0, "namespace of openlineage") }
        guard let place = place(object) else { return nil }
        return OpenLineageTarget(place: place, namespace: namespace ?? projectName)
    }

    private func place(_ object: DefinitionReader.Object) -> OpenLineageTarget.Place? {
        switch (object["url"], object["file"]) {
        case (let url?, nil): return endpoint(url, key: object["api_key"])
        case (nil, let file?):
            if let key = object["api_key"] { reader.error("api_key of openlineage is for a url", at: key) }
            return reader.nonEmptyString(file, "file of openlineage").map { .file($0) }
        case (_?, let file?):
            reader.error("openlineage has both \"url\" and \"file\"; keep one", at: file)
        case (nil, nil) where object.isMissing("url") && object.isMissing("file"):
            reader.error(
                "openlineage lacks \"url\" or \"file\"; add for instance \"file\": \"lineage.ndjson\"",
                at: object.value)
        case (nil, nil): break
        }
        return nil
    }

    private func endpoint(_ url: JSONValue, key: JSONValue?) -> OpenLineageTarget.Place? {
        let secrets = Secrets()
        let (text, token) = reader.collectingVariables(into: secrets) {
            (
                reader.nonEmptyString(url, "url of openlineage"),
                key.flatMap { reader.nonEmptyString($0, "api_key of openlineage") }
            )
        }
        guard let text else { return nil }
        guard let address = HTTPAddress(text) else {
            reader.error(
                "url of openlineage is no address; write it like http://marquez.example:5000/api/v1/lineage",
                at: url)
            return nil
        }
        if let token { secrets.add(token, word: "***") }
        var post = HTTPPost(name: address.shown(secrets), url: address)
        post.headers = [HTTPHeader("Content-Type", "application/json")]
        if let token { post.headers.append(HTTPHeader("Authorization", "Bearer \(token)")) }
        post.timeoutSeconds = OpenLineageOutbox.patienceSeconds
        post.secrets = secrets
        return .endpoint(post)
    }
}
