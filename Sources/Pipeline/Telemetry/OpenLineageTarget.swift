import Extract

/// Where the events of runs go, by the words of OpenLineage: `"openlineage"` of the project.
package struct OpenLineageTarget: Sendable {
    package enum Place: Sendable {
        /// Relative to the project; each event is a line at its end.
        case file(String)
        case endpoint(HTTPPost)
    }

    package let place: Place
    /// Under which the jobs are known; pipelines are the jobs.
    package let namespace: String
}
