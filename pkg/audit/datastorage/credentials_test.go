// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

// mount is a volume as kubelet writes it: files are links through ..data, which is replaced as a whole.
type mount struct {
	t          *testing.T
	folder     string
	generation string
}

func (m *mount) write(name, content string) string {
	m.t.Helper()
	next := filepath.Join(m.folder, m.generation+"+")
	m.generation += "+"
	link, data := filepath.Join(m.folder, name), filepath.Join(m.folder, "..data")
	err := errors.Join(
		os.Mkdir(next, 0o700), os.WriteFile(filepath.Join(next, name), []byte(content), 0o600),
		os.Symlink(filepath.Base(next), data+"_tmp"), os.Rename(data+"_tmp", data),
	)
	if _, missing := os.Lstat(link); errors.Is(missing, fs.ErrNotExist) {
		err = errors.Join(err, os.Symlink(filepath.Join("..data", name), link))
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return link
}

func newMount(t *testing.T) *mount {
	t.Helper()
	return &mount{t: t, folder: t.TempDir(), generation: "..1"}
}

func TestATokenThatRotatesIsUsedAtOnce(t *testing.T) {
	volume := newMount(t)
	accepted, got := "one", ""
	s := serve(t, Options{TokenFile: filepath.Join(volume.folder, "token")}, func(w http.ResponseWriter, r *http.Request, _ []audit.Event) {
		if got = r.Header.Get("Authorization"); got != "Bearer "+accepted {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	if err := fails(t, t.Context(), s.Sink); !errors.Is(err, fs.ErrNotExist) || s.requests.Load() > 0 {
		t.Error("no file:", err)
	}
	volume.write("token", " \n")
	if err := fails(t, t.Context(), s.Sink); !errors.Is(err, errToken) || s.requests.Load() > 0 {
		t.Error("empty:", err)
	}
	for _, token := range []string{"one", "two", "three"} {
		accepted = token
		if token != "one" {
			if err := fails(t, t.Context(), s.Sink); strings.Contains(err.Error(), got) {
				t.Error(err)
			}
		}
		volume.write("token", token+"\n")
		if _, err := s.Write(t.Context(), batchOf(1)); err != nil {
			t.Errorf("%s: %v, with %s", token, err, got)
		}
	}
}

func TestATokenThatIsNoHeaderIsNotShown(t *testing.T) {
	volume := newMount(t)
	s := serve(t, Options{TokenFile: volume.write("token", "hunter2\nhunter2")}, answers(http.StatusCreated))
	if err := fails(t, t.Context(), s.Sink); strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestACAThatIsPutRightIsUsedAtOnce(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }))
	defer server.Close()
	server.Config.ErrorLog = nil
	volume := newMount(t)
	right := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	s := New(Options{URL: server.URL, CAFile: filepath.Join(volume.folder, "ca.crt")})
	defer s.Close()
	if err := fails(t, t.Context(), s); !errors.Is(err, fs.ErrNotExist) {
		t.Error("no file:", err)
	}
	for _, wrong := range []string{"", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		volume.write("ca.crt", wrong)
		if err := fails(t, t.Context(), s); !strings.Contains(err.Error(), "no certificate") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	for range 2 {
		volume.write("ca.crt", other)
		var unknown x509.UnknownAuthorityError
		if err := fails(t, t.Context(), s); !errors.As(err, &unknown) {
			t.Error("another CA:", err)
		}
		volume.write("ca.crt", right)
		if _, err := s.Write(t.Context(), batchOf(1)); err != nil {
			t.Error(err)
		}
	}
	without := New(Options{URL: server.URL})
	defer without.Close()
	_ = fails(t, t.Context(), without)
}

// other is a CA that has vouched for nobody here.
const other = `-----BEGIN CERTIFICATE-----
MIIBVTCB/aADAgECAgEBMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMTB2Fub3RoZXIw
IBcNMjYwMTAxMDAwMDAwWhgPMjEyNjAxMDEwMDAwMDBaMBIxEDAOBgNVBAMTB2Fu
b3RoZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ93wLZ7YyNuNFnmRl9g1V0
iLAWLM69QAQnmP6qaqjILOSsCq22jD/EBLL+OFc8Bc4JGG8KD1q7ApO81dpYwawA
o0IwQDAOBgNVHQ8BAf8EBAMCAgQwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQU
BiDNoqgdWnSHiJlFEEzVUGb43MAwCgYIKoZIzj0EAwIDRwAwRAIgYwDq8SVFoByM
STff1qKl2yphb0EtO2WgX+uTcq7tHXICIHifgBCbl+Hrkh6kn+jtarOvFarZwPAT
qZ4Aiw8PxpR+
-----END CERTIFICATE-----
`
